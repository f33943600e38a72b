import { createHash } from 'node:crypto'
import {
  type ByteRange,
  type IngestItem,
  IngestSample,
  type LakeStreams,
  type PayloadRead,
  type WriteObject,
} from '@mindtrace/contract'
import { type ByteStream, type Bytes, bytesOf, MindtraceError, streamOf } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, recordingLog, testApp } from './testing/test-app.ts'

const text = '0123456789'
const etag = createHash('sha256').update(text).digest('hex')

interface Opened {
  readonly range: ByteRange | undefined
  cancelled: boolean
}

/** Streams over ten digits that remember how they were opened. */
function digits(mediaType = 'image/png', name = 'folder/a b.png', bytes = text) {
  const opened: Opened[] = []
  const read = async (range: ByteRange | undefined): Promise<PayloadRead> => {
    const sizeBytes = bytes.length
    if (range !== undefined && range.start >= sizeBytes) {
      throw new MindtraceError('RANGE_NOT_SATISFIABLE', 'it starts behind the end')
    }
    const record: Opened = { range, cancelled: false }
    opened.push(record)
    const end = Math.min(range?.end ?? sizeBytes - 1, sizeBytes - 1)
    const part = new TextEncoder().encode(bytes.slice(range?.start ?? 0, end + 1))
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (part.byteLength > 0) controller.enqueue(part)
          controller.close()
        },
        cancel() {
          record.cancelled = true
        },
      },
      { highWaterMark: 0 },
    )
    return {
      body,
      sizeBytes,
      range: range === undefined ? null : { start: range.start, end },
      mediaType,
      etag,
      storageRef: { mount: 'main', name, version: '1.0.0', qualified_key: `main/${name}@1.0.0` },
    }
  }
  const streams: Pick<LakeStreams, 'readAsset' | 'readObject'> = {
    readAsset: (_id, options) => read(options?.range),
    readObject: (_ref, options) => read(options?.range),
  }
  return { streams, opened }
}

const path = '/v1/assets/asset_1/payload'
const quoted = `"${etag}"`

describe('a payload', () => {
  test.each([
    ['all of it', {}, 200, text, null],
    ['a part', { range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
    ['from a place on', { range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
    ['to behind its end', { range: 'bytes=8-99' }, 206, '89', 'bytes 8-9/10'],
    ['its last bytes', { range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
    ['more last bytes than it has', { range: 'bytes=-99' }, 206, text, 'bytes 0-9/10'],
    ['one byte', { range: 'bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
    ['behind its end', { range: 'bytes=10-' }, 416, '', 'bytes */10'],
    ['none of its last bytes', { range: 'bytes=-0' }, 416, '', 'bytes */10'],
    ['two parts: the whole', { range: 'bytes=0-1,3-4' }, 200, text, null],
    ['an unknown unit: the whole', { range: 'lines=0-1' }, 200, text, null],
    ['backwards: the whole', { range: 'bytes=4-2' }, 200, text, null],
    [
      'a part of what it had',
      { range: 'bytes=2-4', 'if-range': quoted },
      206,
      '234',
      'bytes 2-4/10',
    ],
    ['a part of something else', { range: 'bytes=2-4', 'if-range': '"x"' }, 200, text, null],
    [
      'a part by date',
      { range: 'bytes=2-4', 'if-range': 'Tue, 24 Nov 2026 16:00:00 GMT' },
      200,
      text,
      null,
    ],
    ['what it has already', { 'if-none-match': quoted }, 304, '', null],
    ['what it has, weakly', { 'if-none-match': `"x", W/${quoted}` }, 304, '', null],
    ['anything', { 'if-none-match': '*' }, 304, '', null],
    ['something new', { 'if-none-match': '"x"' }, 200, text, null],
    ['a part of what it has', { range: 'bytes=2-4', 'if-none-match': quoted }, 304, '', null],
  ] as const)('%s', async (_what, headers, status, body, contentRange) => {
    const { streams, opened } = digits()
    const response = await testApp(fakeLake({}, streams)).request(path, { headers })
    expect([response.status, await response.text()]).toEqual([status, body])
    expect(response.headers.get('content-range')).toBe(contentRange)
    if (status === 200 || status === 206) {
      expect(response.headers.get('etag')).toBe(quoted)
      expect(response.headers.get('content-length')).toBe(String(body.length))
    }
    // Every stream but the one that was sent is closed.
    const sent = status === 200 || status === 206 ? 1 : 0
    expect(opened.filter(({ cancelled }) => !cancelled)).toHaveLength(sent)
  })

  test('answers HEAD with the headers of the whole, and closes the stream', async () => {
    const { streams, opened } = digits()
    const response = await testApp(fakeLake({}, streams)).request(path, {
      method: 'HEAD',
      headers: { range: 'bytes=1-2' },
    })
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('content-length')).toBe('10')
    expect(response.headers.get('accept-ranges')).toBe('bytes')
    expect(opened).toEqual([{ range: undefined, cancelled: true }])
  })

  test('that is empty can be read, but no part of it', async () => {
    const { streams } = digits('text/plain', 'empty', '')
    const app = testApp(fakeLake({}, streams))
    const whole = await app.request(path)
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, '0'])
    for (const range of ['bytes=0-', 'bytes=-1']) {
      const part = await app.request(path, { headers: { range } })
      expect([part.status, part.headers.get('content-range')]).toEqual([416, 'bytes */0'])
    }
  })

  test.each([
    ['image/png', 'folder/a b.png', `inline; filename="a_b.png"; filename*=UTF-8''a%20b.png`],
    ['text/html', 'x.html', `attachment; filename="x.html"; filename*=UTF-8''x.html`],
    [
      'text/plain',
      'é"\r\n.txt',
      `attachment; filename="_.txt"; filename*=UTF-8''%C3%A9%22%0D%0A.txt`,
    ],
  ])('of type %s can do no harm in a browser', async (mediaType, name, disposition) => {
    const { streams } = digits(mediaType, name)
    const { headers } = await testApp(fakeLake({}, streams)).request(path)
    expect(headers.get('content-type')).toBe(mediaType)
    expect(headers.get('content-disposition')).toBe(disposition)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/)
  })

  test('with a type that is none is just bytes', async () => {
    const { streams } = digits('text/html\r\nset-cookie: a=b')
    const { headers } = await testApp(fakeLake({}, streams)).request(path)
    expect(headers.get('content-type')).toBe('application/octet-stream')
  })

  test('comes through the client as the lake gave it', async () => {
    const { streams } = digits()
    const client = clientOf(testApp(fakeLake({}, streams)))
    const whole = await client.streams.readAsset('asset_1')
    expect(await bytesOf(whole.body, 100)).toEqual(new TextEncoder().encode(text))
    expect(whole).toMatchObject({
      sizeBytes: 10,
      range: null,
      mediaType: 'image/png',
      etag,
      storageRef: { mount: 'main', name: 'folder/a b.png', version: '1.0.0' },
    })
    const part = await client.streams.readObject(
      { mount: 'main', name: 'x', version: '1' },
      { range: { start: 3, end: 5 } },
    )
    expect(part).toMatchObject({ sizeBytes: 10, range: { start: 3, end: 5 } })
    expect(await bytesOf(part.body, 100)).toEqual(new TextEncoder().encode('345'))
    await expect(
      client.streams.readAsset('asset_1', { range: { start: 10 } }),
    ).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' })
  })

  test('is pulled no faster than it is read, and cancelled when the reader goes', async () => {
    let pulls = 0
    const cancelled = Promise.withResolvers<void>()
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls += 1
          controller.enqueue(new Uint8Array(1024))
        },
        cancel: () => cancelled.resolve(),
      },
      { highWaterMark: 0 },
    )
    const { streams } = digits()
    const lake = fakeLake(
      {},
      {
        readAsset: async (id) => ({
          ...(await streams.readAsset(id)),
          body: endless,
          sizeBytes: 1e12,
        }),
      },
    )
    const { body } = await clientOf(testApp(lake)).streams.readAsset('asset_1')
    const reader = body.getReader()
    for (let chunk = 0; chunk < 5; chunk++) await reader.read()
    expect(pulls).toBeLessThanOrEqual(7)
    await reader.cancel()
    await cancelled.promise
  })

  test('that breaks off in the middle is logged and never ends as if it were whole', async () => {
    const log = recordingLog()
    const { streams } = digits()
    const broken = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.error(new MindtraceError('CORRUPT', 'hash differs')),
      },
      { highWaterMark: 0 },
    )
    const lake = fakeLake(
      {},
      {
        readAsset: async (id) => ({ ...(await streams.readAsset(id)), body: broken }),
      },
    )
    // Over a connection: to break it off is all that is left by then.
    await using service = await startService({ app: testApp(lake, { log }), port: 0 })
    await expect(
      fetch(service.address + path).then((response) => response.text()),
    ).rejects.toThrow()
    expect(log.lines).toContainEqual(expect.objectContaining({ level: 'error' }))
  })

  test('that is not there is a 404 with a detail', async () => {
    const lake = fakeLake(
      {},
      {
        readAsset: async (id) => {
          throw new MindtraceError('NOT_FOUND', `no asset ${id}`)
        },
      },
    )
    const response = await testApp(lake).request('/v1/assets/a%252Fb/payload')
    expect([response.status, await response.json()]).toEqual([404, { detail: 'no asset a%2Fb' }])
  })
})

describe('an object', () => {
  function recordingWrites() {
    const writes: { request: WriteObject; bytes: Bytes }[] = []
    const lake = fakeLake(
      {},
      {
        async writeObject(request, body) {
          const bytes = body instanceof Uint8Array ? body : await bytesOf(body, 1e9)
          writes.push({ request, bytes })
          const { name, mount } = request
          const ref = { mount: mount ?? 'main', name, version: '1.0.0' }
          return {
            storage_ref: { ...ref, qualified_key: 'x' },
            size_bytes: bytes.byteLength,
            checksum: `sha256:${'0'.repeat(64)}`,
          }
        },
      },
    )
    return { client: clientOf(testApp(lake)), app: testApp(lake), writes }
  }

  test.each([
    'plain',
    'folder/with/parts.bin',
    'a b+c%20d%2Fe?f#g',
    'ümläut/日本/😀',
    '100%',
    'a//b',
    "quote'(1)*!",
  ])('named %j is written under that name, whole or as a stream', async (name) => {
    const { client, writes } = recordingWrites()
    const bytes = Uint8Array.of(1, 2, 3)
    for (const body of [bytes, streamOf(bytes)]) {
      const written = await client.streams.writeObject(
        {
          mount: null,
          name,
          version: '2.0.0',
          onConflict: 'overwrite',
          metadata: { 'mindtrace.serialization': { class: 'ü' } },
          mediaType: 'image/png',
        },
        body,
      )
      expect(written).toMatchObject({ size_bytes: 3, storage_ref: { mount: 'main', name } })
    }
    expect(writes).toHaveLength(2)
    for (const write of writes) {
      expect(write).toEqual({
        bytes,
        request: {
          mount: null,
          name,
          version: '2.0.0',
          onConflict: 'overwrite',
          metadata: { 'mindtrace.serialization': { class: 'ü' } },
          mediaType: 'image/png',
        },
      })
    }
  })

  test.each(['..', 'a/../b', '.', '../../assets.get'])('named %j is sent nowhere', async (name) => {
    const { client, writes } = recordingWrites()
    const write = client.streams.writeObject({ mount: 'main', name }, Uint8Array.of(1))
    await expect(write).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    expect(writes).toEqual([])
  })

  test.each([
    ['/v1/objects/main/a?on_conflict=replace', {}, 'on_conflict is skip or overwrite'],
    ['/v1/objects/main/%zz', {}, 'the path has a broken escape'],
    [
      '/v1/objects/main/a',
      { 'mindtrace-object-metadata': '[1]' },
      'no percent-encoded JSON object',
    ],
  ])('PUT %s is refused', async (url, headers, message) => {
    const response = await recordingWrites().app.request(url, { method: 'PUT', body: 'x', headers })
    expect([response.status, await response.json()]).toEqual([
      400,
      { detail: expect.stringContaining(message) },
    ])
  })

  test('whose source fails fails with that, not with the connection', async () => {
    const { client } = recordingWrites()
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new MindtraceError('NOT_FOUND', 'the file is gone')),
    })
    await expect(client.streams.writeObject({ mount: 'main', name: 'a' }, source)).rejects.toThrow(
      'the file is gone',
    )
  })
})

describe('a group of samples', () => {
  function sample(key: string, size: number): IngestItem & { payloads: { image: Bytes } } {
    return {
      sample: IngestSample.parse({
        source_key: key,
        ordinal: 0,
        assets: { image: { kind: 'image', media_type: 'image/png', size_bytes: size } },
      }),
      payloads: { image: new Uint8Array(size).fill(key.charCodeAt(0)) },
    }
  }

  test('reaches the lake with its bytes, small or large', async () => {
    const received: { key: string; size: number; session: string }[] = []
    const lake = fakeLake(
      {},
      {
        async ingestGroup(session, items) {
          for await (const { sample, payloads } of items) {
            const payload = payloads.image as Bytes | (() => ByteStream | Promise<ByteStream>)
            const bytes =
              payload instanceof Uint8Array ? payload : await bytesOf(await payload(), 1e9)
            received.push({ key: sample.source_key, size: bytes.byteLength, session })
          }
          return {
            session_id: session,
            samples: received.map(({ key }) => ({
              source_key: key,
              status: 'created' as const,
              datum_id: 'd',
              asset_ids: {},
              error: null,
            })),
            written: {
              assets: 3,
              datums: 3,
              annotation_sets: 0,
              annotation_records: 0,
              payload_bytes: 1,
            },
          }
        },
      },
    )
    const items = [sample('a', 10), sample('b', 3_000_000), sample('c', 0)]
    const result = await clientOf(testApp(lake)).streams.ingestGroup('s/1', items)
    expect(received).toEqual([
      { key: 'a', size: 10, session: 's/1' },
      { key: 'b', size: 3_000_000, session: 's/1' },
      { key: 'c', size: 0, session: 's/1' },
    ])
    expect(result.samples.map(({ source_key }) => source_key)).toEqual(['a', 'b', 'c'])
  })

  test('that is malformed names the frame', async () => {
    const lake = fakeLake(
      {},
      {
        async ingestGroup(_session, items) {
          for await (const _item of items);
          throw new Error('unreachable')
        },
      },
    )
    const response = await testApp(lake).request('/v1/ingest/s/groups', {
      method: 'POST',
      body: '{}\n',
    })
    expect([response.status, await response.json()]).toEqual([
      400,
      { detail: 'ingest frame 1: a sample or the end should stand here' },
    ])
  })
})

test.each(['if-match', 'if-none-match', 'if-unmodified-since', 'content-range'])(
  'an object is not written in spite of %s',
  async (name) => {
    const written: unknown[] = []
    const app = testApp(
      fakeLake(
        {},
        {
          writeObject: async (request) => {
            written.push(request)
            throw new MindtraceError('INTERNAL', 'written')
          },
        },
      ),
    )
    const headers = { [name]: name === 'content-range' ? 'bytes 0-1/3' : '*' }
    const response = await app.request('/v1/objects/m/a', { method: 'PUT', body: 'x', headers })
    expect([response.status, written]).toEqual([400, []])
    expect(await response.text()).toContain(name)
  },
)

test('answers other methods on a stream with what it knows', async () => {
  const app = testApp(fakeLake())
  const wrong = await app.request(path, { method: 'POST' })
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
})
