import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Lake } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { type ConnectOptions, connectLake } from './connect-lake.ts'

interface Sent {
  readonly url: string
  readonly init: RequestInit
  readonly headers: Headers
}

/** A client whose requests are kept and get a given answer. */
function answering(
  answer: () => Response | Promise<Response>,
  address = 'http://lake.test',
  options: ConnectOptions = {},
): { lake: Lake; sent: Sent[] } {
  const sent: Sent[] = []
  const lake = connectLake(address, {
    ...options,
    fetch: async (input, init = {}) => {
      sent.push({ url: String(input), init, headers: new Headers(init.headers) })
      return answer()
    },
  })
  return { lake, sent }
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  })

test('posts JSON to the path of the task, extensions under /v1', async () => {
  const { lake, sent } = answering(() => json({ summary: 's' }), 'http://lake.test/prefix/')
  await lake.summary()
  await lake.datasets.list({}).catch(() => {})
  expect(sent.map(({ url, init }) => [init.method, url, init.body])).toEqual([
    ['POST', 'http://lake.test/prefix/summary', '{}'],
    ['POST', 'http://lake.test/prefix/v1/datasets.list', '{}'],
  ])
  expect(sent[0]?.headers.get('content-type')).toBe('application/json')
})

test('moves the key of the address into a header, where no message shows it', async () => {
  const { lake, sent } = answering(
    () => {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
      })
    },
    'https://s%2Fecret@lake.test',
    { headers: { 'x-team': 'a' } },
  )
  await expect(lake.summary()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'summary: no answer from https://lake.test (ECONNREFUSED); is the service running?',
  })
  expect(sent[0]?.headers.get('authorization')).toBe('Bearer s/ecret')
  expect(sent[0]?.headers.get('x-team')).toBe('a')
  expect(sent[0]?.url).toBe('https://lake.test/summary')
  const other = answering(() => json({ summary: '' }), 'https://old@lake.test', { apiKey: 'new' })
  await other.lake.summary()
  expect(other.sent[0]?.headers.get('authorization')).toBe('Bearer new')
})

test.each(['lake.test:8080', 'ftp://lake.test', './lake', '', 'http://lake.test/?a=b'])(
  'refuses %j for an address',
  (address) => {
    expect(() => connectLake(address)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  },
)

test('never quotes the key of an address that it refuses', () => {
  expect(() => connectLake('ftp://secret@lake.test')).toThrow(/^(?!.*secret)/)
})

test("reads the Python service's answers: times without a zone, fields that it lacks", async () => {
  const { lake } = answering(() =>
    json({
      collection: {
        _id: '665f1c2e9b1e8a0012ab34cd',
        collection_id: 'collection_1',
        name: 'n',
        status: 'active',
        created_at: '2026-05-29T12:45:30.123000',
        updated_at: '2026-05-29T12:45:30.123456Z',
      },
    }),
  )
  const { collection } = await lake.collections.get({ id: 'collection_1' })
  expect(collection).toMatchObject({
    created_at: '2026-05-29T12:45:30.123Z',
    description: null,
    metadata: {},
  })
})

test('leaves answers as they are when they are trusted', async () => {
  const { lake } = answering(() => json({ anything: 1 }), undefined, { trustOutputs: true })
  expect(await lake.summary()).toEqual({ anything: 1 })
  const strict = answering(() => json({ anything: 1 }))
  await expect(strict.lake.summary()).rejects.toMatchObject({ code: 'CORRUPT' })
})

test.each([
  ['plain text', 500, 'Internal Server Error', 'INTERNAL', /may only mean "not found"/],
  ['a text', 404, '{"detail":"no asset a"}', 'NOT_FOUND', /^no asset a$/],
  ['an unknown task', 404, '{"detail":"Not Found"}', 'NOT_IMPLEMENTED', /does not know it/],
  [
    'a list',
    422,
    '{"detail":[{"type":"missing","loc":["body","id"],"msg":"Field required"}]}',
    'VALIDATION_FAILED',
    /^assets.get: input does not fit: id: Field required$/,
  ],
  ['an object', 409, '{"detail":{"code":"X","message":"gone"}}', 'CONFLICT', /^gone$/],
  ['a proxy', 502, '<html>', 'UNAVAILABLE', /html/],
  ['a redirect', 307, '', 'INTERNAL', /answered 307/],
  ['another success', 201, '{"detail":1}', 'CORRUPT', /does not fit/],
] as const)('makes an error of %s', async (_what, status, body, code, message) => {
  const { lake } = answering(() => new Response(body, { status }))
  await expect(lake.assets.get({ id: 'a' })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
})

test('says when an answer is not JSON', async () => {
  const { lake } = answering(() => new Response('<html>welcome</html>'))
  await expect(lake.summary()).rejects.toMatchObject({
    code: 'CORRUPT',
    message: expect.stringContaining('is there a Mindtrace service'),
  })
})

test('takes the plain text by which the Python service acknowledges its end', async () => {
  const { lake } = answering(() => new Response('Server shutting down...'))
  expect(await lake.shutdown()).toEqual({ shutdown: true })
})

test('gives up after the time allowed', async () => {
  const lake = connectLake('http://lake.test', {
    timeoutMs: 20,
    fetch: (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      }),
  })
  await expect(lake.summary()).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringContaining('summary: no answer within 0.02 s'),
  })
})

test("throws the caller's reason untouched when it aborts", async () => {
  const { lake, sent } = answering(() => json({ summary: '' }))
  const reason = new Error('enough')
  await expect(lake.summary(undefined, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(sent).toEqual([])
})

test('refuses calls after it was disposed, twice is fine', async () => {
  const { lake } = answering(() => json({ summary: '' }))
  await lake[Symbol.asyncDispose]()
  await lake[Symbol.asyncDispose]()
  await expect(lake.summary()).rejects.toThrow('the lake at http://lake.test was disposed')
})

/** A server that destroys the connection of the first request it gets. */
async function flaky(answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
  const asked: string[] = []
  const server = createServer((incoming, outgoing) => {
    asked.push(incoming.url ?? '')
    if (asked.length === 1) incoming.socket.destroy()
    else answer(incoming, outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    asked,
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('asks once more when the connection breaks, but only where that is harmless', async () => {
  const ok = (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    outgoing.end('{"summary":"s"}')
  }
  await using reading = await flaky(ok)
  expect(await connectLake(reading.address).summary()).toEqual({ summary: 's' })
  expect(reading.asked).toHaveLength(2)
  await using writing = await flaky(ok)
  const write = connectLake(writing.address).collections.create({ name: 'n' })
  await expect(write).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(writing.asked).toHaveLength(1)
})

test('never ends a body in good order that it gives up', async () => {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const lake = connectLake('http://lake.test', {
    fetch: async (_input, init = {}) => {
      if (init.method === 'GET') return json({})
      reader = (init.body as ReadableStream<Uint8Array>).getReader()
      await reader.read()
      return json({ detail: 'too slow' }, 504)
    },
  })
  let chunks = 0
  const stalled = new ReadableStream<Uint8Array>({
    async pull(controller) {
      chunks += 1
      if (chunks === 1) controller.enqueue(Uint8Array.of(1))
      else await new Promise(() => {})
    },
  })
  const write = lake.streams.writeObject({ mount: 'm', name: 'a' }, stalled)
  await expect(write).rejects.toMatchObject({ code: 'TIMEOUT', message: 'too slow' })
  await expect(reader?.read()).rejects.toThrow('the body was given up')
})
