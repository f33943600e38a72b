import { once } from 'node:events'
import { connect } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { Asset, type Lake, type LakeStreams, type PlacedRow, placedRows } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, recordingLog, testApp } from './testing/test-app.ts'

const path = '/v1/rows/assets.list_page'
const created_at = '2026-01-02T03:04:05.678Z'

function anAsset(number: number, metadata: Record<string, unknown> = {}): Asset {
  const name = `a${number}`
  return Asset.parse({
    _id: '0'.repeat(24),
    asset_id: `asset_${String(number).padStart(6, '0')}`,
    kind: 'image',
    media_type: 'image/png',
    storage_ref: { mount: 'main', name, version: '1', qualified_key: `main/${name}@1` },
    metadata,
    created_at,
    updated_at: created_at,
  })
}

/** A cursor as the lake makes it. */
function cursorOf({ asset_id }: Pick<Asset, 'asset_id'>): string {
  const value = '2026-01-02T03:04:05.678000'
  const key = { asset_id, created_at: { __mindtrace_type__: 'datetime', value } }
  return Buffer.from(JSON.stringify({ resource: 'assets', last_key: key })).toString('base64url')
}

function placeIn(cursor: string): unknown {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString()).last_key.asset_id
}

/** A lake whose assets are these; `asked` are the inputs that it got. */
function lakeOf(
  source: (input: { readonly cursor?: string | null | undefined }) => AsyncIterable<Asset>,
) {
  const asked: Record<string, unknown>[] = []
  const rows: LakeStreams['rows'] = (_name, input) => {
    asked.push({ ...input })
    const placed = async function* (): AsyncGenerator<PlacedRow<Asset>> {
      for await (const row of source(input)) yield { row, cursor: () => cursorOf(row) }
    }
    return placedRows(placed()) as never
  }
  return { lake: fakeLake({}, { rows }), asked }
}

async function* assets(count: number, from = 0) {
  for (let number = from; number < count; number += 1) yield anAsset(number)
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = []
  for await (const row of rows) read.push(row)
  return read
}

function lines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('rows on the wire', () => {
  test('are one a line, with cursors between them and an end', async () => {
    const { lake, asked } = lakeOf(() => assets(1203))
    const response = await post(testApp(lake), path, { filters: { kind: 'image' }, limit: 2000 })
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/x-ndjson',
    ])
    const sent = lines(await response.text())
    const isRow = (line: object) => 'asset_id' in line
    expect(sent.filter(isRow)).toEqual(await all(assets(1203)))
    const cursors = sent.flatMap((line, at) => ('$cursor' in line ? [at] : []))
    expect(cursors.map((at) => sent.slice(0, at).filter(isRow).length)).toEqual([
      1, 501, 1001, 1203,
    ])
    for (const at of cursors) {
      expect(placeIn(sent[at]?.$cursor as string)).toBe(sent[at - 1]?.asset_id)
    }
    expect(sent.at(-1)).toEqual({ $end: { rows: 1203 } })
    expect(asked).toEqual([{ filters: { kind: 'image' }, limit: 2000 }])
  })

  test('that are none are an end', async () => {
    const { lake } = lakeOf(() => assets(0))
    for (const body of [{}, undefined]) {
      const response = await post(testApp(lake), path, body)
      expect(await response.text()).toBe('{"$end":{"rows":0}}\n')
    }
  })

  test('that fail at once have a status; in the middle, a last line', async () => {
    const log = recordingLog()
    const failing = (after: number, error: Error) =>
      lakeOf(async function* () {
        yield* assets(after)
        throw error
      }).lake
    const refused = new MindtraceError('INVALID_CURSOR', 'no such cursor')
    const at = async (lake: Lake) => await post(testApp(lake, { log }), path, {})
    expect((await at(failing(0, refused))).status).toBe(400)

    const gone = new MindtraceError('UNAVAILABLE', 'the database went away', {
      details: { database: 'x' },
    })
    const told = lines(await (await at(failing(2, gone))).text())
    expect(told.map((line) => Object.keys(line)[0])).toEqual([
      '_id',
      '$cursor',
      '_id',
      '$cursor',
      '$error',
    ])
    expect(told.at(-1)?.$error).toEqual({
      code: 'UNAVAILABLE',
      detail: 'the database went away',
      details: { database: 'x' },
    })
    const secret = lines(await (await at(failing(2, new Error('a secret')))).text()).at(-1)
    expect(secret).toMatchObject({ $error: { code: 'INTERNAL' } })
    expect(JSON.stringify(secret)).not.toContain('secret')
    const { detail } = (secret as { $error: { detail: string } }).$error
    const [, id] = /^Internal error (error_\w+)$/.exec(detail) ?? []
    expect(log.lines.find(({ fields }) => fields.error_id === id)?.level).toBe('error')
  })

  test('are refused to a body that is no JSON', async () => {
    expect((await post(testApp(fakeLake()), path, '{')).status).toBe(422)
  })

  test('are of page tasks alone, and asked for by POST', async () => {
    const app = testApp(fakeLake())
    expect((await post(app, '/v1/rows/assets.list', {})).status).toBe(404)
    expect((await post(app, '/v1/rows/constructor', {})).status).toBe(404)
    const get = await app.request(path)
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('rows at the client', () => {
  test('come as the lake gave them, with a cursor after each', async () => {
    const { lake } = lakeOf(() => assets(1203))
    const rows = clientOf(testApp(lake)).streams.rows('assets.list_page', {})
    const seen: Asset[] = []
    for await (const row of rows) {
      seen.push(row)
      expect(placeIn(rows.cursor as string)).toBe(row.asset_id)
    }
    expect(seen).toEqual(await all(assets(1203)))
  })

  test('go on after the last one where the connection breaks', async () => {
    const { lake, asked } = lakeOf(({ cursor }) => {
      const [, digits] =
        /asset_(\d+)/.exec(cursor == null ? 'asset_-1' : String(placeIn(cursor))) ?? []
      return assets(5000, digits === undefined ? 0 : Number(digits) + 1)
    })
    const app = testApp(lake)
    let cuts = 0
    const client = connectLake('http://lake.test', {
      fetch: async (input, init) => {
        const response = await app.request(String(input), init)
        if (!String(input).endsWith('list_page') || cuts === 3) return response
        cuts += 1
        return new Response(
          cutAfter(response.body as ReadableStream<Uint8Array>, 200_000),
          response,
        )
      },
    })
    const seen = await all(client.streams.rows('assets.list_page', { limit: 4000 }))
    expect(seen.map(({ asset_id }) => asset_id)).toEqual(
      (await all(assets(4000))).map(({ asset_id }) => asset_id),
    )
    expect(asked).toHaveLength(4)
    expect(asked[0]).toMatchObject({ cursor: null, limit: 4000 })
    for (const { limit } of asked.slice(1)) expect(limit).toBeLessThan(4000)
  })

  test('are never taken for whole when they were cut off', async () => {
    const { lake } = lakeOf(() => assets(100))
    const whole = await (await post(testApp(lake), path, {})).text()
    const read = (text: string) => {
      let asked = 0
      const client = connectLake('http://lake.test', {
        fetch: async (input) => {
          if (!String(input).endsWith('list_page')) return Response.json({})
          asked += 1
          return new Response(asked === 1 ? text : '')
        },
      })
      return all(client.streams.rows('assets.list_page', {}))
    }
    expect(await read(whole)).toHaveLength(100)
    const parts = whole.split('\n')
    const cuts = [0, 1, 2, 50, parts.length - 2]
    for (const count of cuts) {
      const text = parts.slice(0, count).join('\n')
      await expect(read(text), `${count} lines`).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    }
    await expect(read(whole.replace('"rows":100', '"rows":101'))).rejects.toMatchObject({
      code: 'CORRUPT',
    })
    await expect(read('<html>\n')).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('fail with what the lake failed with, after those that came', async () => {
    const { lake, asked } = lakeOf(async function* () {
      yield* assets(3)
      throw new MindtraceError('CORRUPT', 'a document does not fit', { details: { key: 'x' } })
    })
    const rows = clientOf(testApp(lake)).streams.rows('assets.list_page', {})
    const seen: string[] = []
    const read = async () => {
      for await (const { asset_id } of rows) seen.push(asset_id)
    }
    await expect(read()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'a document does not fit',
      details: { key: 'x' },
    })
    expect(seen).toHaveLength(3)
    expect(placeIn(rows.cursor as string)).toBe(seen.at(-1))
    expect(asked).toHaveLength(1)
  })
})

test('rows over a socket wait for a slow reader, and end when it goes', async () => {
  let sent = 0
  const left = Promise.withResolvers<void>()
  const { lake } = lakeOf(async function* () {
    const metadata = { note: 'x'.repeat(10_000) }
    try {
      for (; ; sent += 1) yield anAsset(sent, metadata)
    } finally {
      left.resolve()
    }
  })
  await using service = await startService({ app: testApp(lake), port: 0, closeTimeoutMs: 100 })
  const socket = connect(service.port, '127.0.0.1')
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`)
  await once(socket, 'readable')
  socket.read()
  // Until nothing is asked of the lake any more: what the kernel buffers is full then.
  for (let last = -1, calm = 0; calm < 50; ) {
    await new Promise((resolve) => setTimeout(resolve, 2))
    calm = sent > 0 && sent === last ? calm + 1 : 0
    last = sent
  }
  expect(sent * 10_000).toBeLessThan(32 * 1024 * 1024)
  socket.destroy()
  await left.promise
})

/** The first bytes of a body, and then a broken connection. */
function cutAfter(body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let left = bytes
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await reader.read()
        if (done) return controller.close()
        if (value.byteLength > left) {
          controller.error(new TypeError('terminated'))
          return reader.cancel()
        }
        left -= value.byteLength
        controller.enqueue(value)
      },
    },
    { highWaterMark: 0 },
  )
}
