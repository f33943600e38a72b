import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { IngestSample, type LakeStreams, type PayloadRead } from '@mindtrace/contract'
import { bytesOf, MindtraceError } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { type StartOptions, startService } from './start-service.ts'
import { type FakeHandlers, fakeLake } from './testing/fake-lake.ts'
import { recordingLog, testApp } from './testing/test-app.ts'

const MiB = 1024 * 1024

function serve(
  handlers: FakeHandlers = {},
  streams: Partial<LakeStreams> = {},
  options: Partial<StartOptions> = {},
) {
  const log = recordingLog()
  return startService({
    app: testApp(fakeLake(handlers, streams), { log }),
    port: 0,
    log,
    ...options,
  })
}

function payload(body: PayloadRead['body'], sizeBytes: number): PayloadRead {
  const storageRef = { mount: 'm', name: 'n', version: '1', qualified_key: 'm/n@1' }
  return { body, sizeBytes, range: null, mediaType: 'image/png', etag: 'e', storageRef }
}

/** Sends text over a bare socket and gives what comes until it closes. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(request)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

describe('listening', () => {
  test('tells its address and answers there', async () => {
    await using service = await serve()
    expect(service.address).toBe(`http://127.0.0.1:${service.port}`)
    await using lake = connectLake(service.address)
    expect(await lake.status()).toEqual({ status: 'Available' })
    const response = await fetch(`${service.address}/status`, { method: 'POST' })
    expect(await response.json()).toEqual({ status: 'Available' })
  })

  test('names the port that is in use, and the remedy', async () => {
    await using service = await serve()
    await expect(serve({}, {}, { port: service.port })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(`port ${service.port} of 127.0.0.1 is in use; .*--port 0`),
    })
  })

  test('refuses to be reached by others unless that is said', async () => {
    await expect(serve({}, {}, { host: '0.0.0.0' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await using service = await serve({}, {}, { host: '0.0.0.0', insecure: true })
    const answer = await raw(
      service.port,
      'POST /status HTTP/1.1\r\nHost: lake.example\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
  })

  test.each([
    ['lake.example', '', 403],
    ['localhost:1234', '', 200],
    ['127.0.0.1', '', 200],
    ['[::1]:80', '', 200],
    ['127.0.0.1', 'Origin: https://evil.example\r\n', 403],
    ['127.0.0.1', 'Origin: null\r\n', 403],
    ['127.0.0.1', 'Origin: http://127.0.0.1\r\n', 200],
    ['127.0.0.1', 'Origin: http://localhost:5173\r\n', 200],
    ['127.0.0.1', 'Sec-Fetch-Site: cross-site\r\n', 403],
    ['127.0.0.1', 'Sec-Fetch-Site: same-origin\r\n', 200],
  ])('as %s with %j gets %i', async (host, header, status) => {
    await using service = await serve()
    const answer = await raw(
      service.port,
      `POST /status HTTP/1.1\r\nHost: ${host}\r\n${header}Connection: close\r\n\r\n`,
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })
})

describe('closing', () => {
  test('lets the request under way end, then lets go of its connection', async () => {
    const started = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const service = await serve({
      summary: async () => {
        started.resolve()
        await release.promise
        return { summary: 'done' }
      },
    })
    const lake = connectLake(service.address)
    const answer = lake.summary()
    await started.promise
    const closed = service.close()
    release.resolve()
    expect(await answer).toEqual({ summary: 'done' })
    await closed
    await service.close()
    await expect(lake.status()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(`no answer from ${service.address} .*is the service running`),
    })
  })

  test('breaks off what does not end in time', async () => {
    const started = Promise.withResolvers<void>()
    const service = await serve(
      {
        summary: () => {
          started.resolve()
          return new Promise(() => {})
        },
      },
      {},
      { closeTimeoutMs: 50 },
    )
    const answer = connectLake(service.address).summary()
    const broken = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await started.promise
    await service.close()
    await broken
  })
})

describe('a payload over a socket', () => {
  test('waits for a slow reader, and its source is cancelled when the reader goes', async () => {
    const chunk = new Uint8Array(64 * 1024)
    let sent = 0
    const cancelled = Promise.withResolvers<void>()
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          sent += chunk.byteLength
          controller.enqueue(chunk)
        },
        cancel: () => cancelled.resolve(),
      },
      { highWaterMark: 0 },
    )
    await using service = await serve({}, { readAsset: async () => payload(endless, 1e12) })
    const socket = connect(service.port, '127.0.0.1')
    socket.write('GET /v1/assets/a/payload HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(socket, 'readable')
    socket.read()
    await settled(() => sent)
    // What the kernel buffers for either side, and no more.
    expect(sent).toBeLessThan(32 * MiB)
    socket.destroy()
    await cancelled.promise
  })

  test('that breaks off is an error at the client, not a short payload', async () => {
    let pulls = 0
    const broken = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulls += 1
          if (pulls === 1) controller.enqueue(new Uint8Array(1000))
          else controller.error(new MindtraceError('CORRUPT', 'hash differs'))
        },
      })
    await using service = await serve({}, { readAsset: async () => payload(broken(), 2000) })
    const { body } = await connectLake(service.address).streams.readAsset('a')
    await expect(bytesOf(body, MiB)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test.each([[1], [3]])(
    'that is wrong at its end, after all of its %i chunks, is not taken for whole',
    async (count) => {
      let pulls = 0
      const broken = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulls += 1
          if (pulls <= count) controller.enqueue(new Uint8Array(300_000))
          else controller.error(new MindtraceError('CORRUPT', 'hash differs'))
        },
      })
      await using service = await serve(
        {},
        { readAsset: async () => payload(broken, count * 300_000) },
      )
      const { body } = await connectLake(service.address).streams.readAsset('a')
      await expect(bytesOf(body, MiB)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    },
  )

  test('answers HEAD with the length', async () => {
    const body = () => new ReadableStream<Uint8Array>()
    await using service = await serve({}, { readAsset: async () => payload(body(), 2000) })
    const answer = await raw(
      service.port,
      'HEAD /v1/assets/a/payload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(answer.toLowerCase()).toContain('content-length: 2000\r\n')
  })
})

describe('an upload over a socket', () => {
  test('of 32 MiB arrives whole, and the source waits for the lake', async () => {
    let pulled = 0
    let most = 0
    let stored = 0
    await using service = await serve(
      {},
      {
        async writeObject(request, body) {
          for await (const part of body as ReadableStream<Uint8Array>) {
            stored += part.byteLength
            most = Math.max(most, pulled - stored)
            if (stored % MiB < part.byteLength)
              await new Promise((resolve) => setImmediate(resolve))
          }
          const ref = { mount: 'm', name: request.name, version: '1', qualified_key: 'x' }
          return { storage_ref: ref, size_bytes: stored, checksum: 'sha256:0' }
        },
      },
    )
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (pulled === 32 * MiB) return controller.close()
          pulled += 64 * 1024
          controller.enqueue(new Uint8Array(64 * 1024))
        },
      },
      { highWaterMark: 0 },
    )
    const lake = connectLake(service.address)
    const written = await lake.streams.writeObject({ mount: null, name: 'big' }, source)
    expect(written.size_bytes).toBe(32 * MiB)
    expect(most).toBeLessThan(16 * MiB)
  })

  test('that is refused at once tells why', async () => {
    await using service = await serve(
      {},
      {
        writeObject: async () => {
          throw new MindtraceError('READ_ONLY', 'mount m is read-only')
        },
      },
    )
    const lake = connectLake(service.address)
    for (const body of [new Uint8Array(8 * MiB), new Blob([new Uint8Array(8 * MiB)]).stream()]) {
      const write = lake.streams.writeObject({ mount: 'm', name: 'a' }, body)
      await expect(write).rejects.toMatchObject({ code: 'READ_ONLY' })
    }
  })

  test('whose sender goes away fails at the lake', async () => {
    const failed = Promise.withResolvers<unknown>()
    const begun = Promise.withResolvers<void>()
    await using service = await serve(
      {},
      {
        async writeObject(_request, body) {
          try {
            for await (const _part of body as ReadableStream<Uint8Array>) begun.resolve()
          } catch (error) {
            failed.resolve(error)
            throw error
          }
          throw new Error('a body that was cut off looked whole')
        },
      },
    )
    const socket: Socket = connect(service.port, '127.0.0.1')
    socket.write(
      'PUT /v1/objects/m/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nabc',
    )
    await begun.promise
    socket.destroy()
    expect(await failed.promise).toBeInstanceOf(Error)
  })

  test('of frames feeds an ingest while it is being sent', async () => {
    const seen: string[] = []
    const first = Promise.withResolvers<void>()
    await using service = await serve(
      {},
      {
        async ingestGroup(session_id, items) {
          for await (const { sample } of items) {
            seen.push(sample.source_key)
            first.resolve()
          }
          const written = {
            assets: 0,
            datums: 0,
            annotation_sets: 0,
            annotation_records: 0,
            payload_bytes: 0,
          }
          return { session_id, samples: [], written }
        },
      },
    )
    async function* items() {
      const bytes = new Uint8Array(200_000)
      const image = { kind: 'image', media_type: 'image/png', size_bytes: bytes.byteLength }
      for (const source_key of ['a', 'b', 'c']) {
        if (source_key === 'c') await first.promise
        const sample = IngestSample.parse({ source_key, ordinal: 0, assets: { image } })
        yield { sample, payloads: { image: bytes } }
      }
    }
    await connectLake(service.address).streams.ingestGroup('s', items())
    expect(seen).toEqual(['a', 'b', 'c'])
  })
})

test('tells the lake when the caller goes away', async () => {
  const aborted = Promise.withResolvers<unknown>()
  const started = Promise.withResolvers<void>()
  const fake = fakeLake()
  const lake = {
    ...fake,
    call: ((_name: string, _input: unknown, options?: { signal?: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => {
          aborted.resolve(options.signal?.reason)
          reject(options.signal?.reason)
        })
        started.resolve()
      })) as never,
  }
  await using service = await startService({ app: testApp(lake), port: 0 })
  const caller = new AbortController()
  const call = connectLake(service.address).summary(undefined, { signal: caller.signal })
  const gone = expect(call).rejects.toThrow('enough')
  await started.promise
  caller.abort(new Error('enough'))
  await gone
  await aborted.promise
})

test('keeps other requests waiting for nothing while a large body comes in', async () => {
  await using service = await serve()
  const slow = connect(service.port, '127.0.0.1')
  slow.write('POST /assets.get HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"id"')
  expect(await connectLake(service.address).status()).toEqual({ status: 'Available' })
  slow.destroy()
})

/** Waits until a number stays the same for a few turns of the event loop. */
async function settled(read: () => number): Promise<void> {
  for (let last = -1, calm = 0; calm < 50; ) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    calm = read() === last ? calm + 1 : 0
    last = read()
  }
}
