import { EventEmitter, once } from 'node:events'
import type { TaskCall } from '@mindtrace/contract'
import { MindtraceError, streamOf } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { type FakeHandlers, fakeLake } from '../testing/fake-lake.ts'
import { recordingLog, testApp } from '../testing/test-app.ts'
import type { McpOptions } from './routes.ts'

/** Posts messages as a client of the protocol of 2025 does. */
function mcpClient(mcp: McpOptions = {}, handlers: FakeHandlers = {}) {
  const log = recordingLog()
  const lake = fakeLake(handlers, {
    readAsset: async () => ({
      body: streamOf(new Uint8Array(0)),
      sizeBytes: 11 * 1024 * 1024,
      range: null,
      mediaType: 'image/png',
      etag: 'x',
      storageRef: { mount: 'main', name: 'x', version: '1', qualified_key: 'main/x@1' },
    }),
  })
  const app = testApp(lake, { log, mcp, limits: { bodyBytes: 10_000 } })
  const path = mcp.path ?? '/mcp-server/mcp'
  const send = async (method: string, body?: unknown, session?: string) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    return await app.request(path, {
      method,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
        ...(text === undefined ? {} : { 'content-length': String(text.length) }),
      },
      ...(text === undefined ? {} : { body: text }),
    })
  }
  const ask = (method: string, params: unknown = {}, session?: string) =>
    send('POST', { jsonrpc: '2.0', id: 1, method, params }, session)
  /** The status of an answer that is read to its end. */
  const ping = async (session?: string) => {
    const response = await ask('ping', {}, session)
    await response.text()
    return response.status
  }
  const open = async () => {
    const response = await ask('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '0' },
    })
    await response.text()
    return { status: response.status, id: response.headers.get('mcp-session-id') ?? '' }
  }
  const call = async (name: string, input: unknown) => {
    const { result } = await messageOf(await ask('tools/call', { name, arguments: input }))
    return result as { isError: boolean; content: [{ text: string }] }
  }
  return { lake, log, send, ask, ping, open, call }
}

async function messageOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text()
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text)
}

test('a session is over when it was not used for long, one with an open stream is not', async () => {
  let now = 0
  const { open, ping, send } = mcpClient({ sessions: { idleMs: 1_000, nowMs: () => now } })
  const idle = await open()
  const streaming = await open()
  const stream = await send('GET', undefined, streaming.id)
  expect(stream.headers.get('content-type')).toBe('text/event-stream')
  now = 999
  expect(await ping(idle.id)).toBe(200)
  now = 3_000
  expect(await ping(idle.id)).toBe(404)
  expect(await ping(streaming.id)).toBe(200)
  await stream.body?.cancel()
  now = 6_000
  expect(await ping(streaming.id)).toBe(404)
})

test('the session unused longest makes room; where all are busy, none is opened', async () => {
  const { open, ask, ping, send } = mcpClient({ sessions: { count: 2 } })
  const [first, second] = [await open(), await open()]
  await ping(first.id)
  const third = await open()
  expect(await ping(second.id)).toBe(404)
  const streams = [await send('GET', undefined, first.id), await send('GET', undefined, third.id)]
  expect(streams.map(({ status }) => status)).toEqual([200, 200])
  expect((await open()).status).toBe(503)
  // Nobody needs a session.
  expect((await ask('tools/list')).status).toBe(200)
  for (const stream of streams) await stream.body?.cancel()
  expect((await open()).status).toBe(200)
})

test('what is no initialize leaves no session behind', async () => {
  const { open, send } = mcpClient({ sessions: { count: 1 } })
  const session = await open()
  const response = await send('DELETE', undefined, session.id)
  expect(response.status).toBe(200)
  expect((await send('DELETE', undefined, session.id)).status).toBe(404)
  expect((await send('GET')).status).toBe(400)
})

test('without sessions every request stands for itself', async () => {
  const { open, ping, send } = mcpClient({ sessions: false })
  expect(await open()).toEqual({ status: 200, id: '' })
  expect(await ping('of another process')).toBe(200)
  expect((await send('GET')).status).toBe(405)
})

test('answers at another path where that is asked for', async () => {
  const { ping } = mcpClient({ path: '/tools' })
  expect(await ping()).toBe(200)
})

test('refuses bodies that are too large or no JSON', async () => {
  const { send, lake } = mcpClient()
  const large = await send('POST', { text: 'x'.repeat(20_000) })
  expect(large.status).toBe(413)
  const empty = await send('POST')
  expect([empty.status, (await messageOf(empty)).error]).toEqual([
    400,
    { code: -32700, message: 'the body is empty' },
  ])
  expect(lake.calls).toEqual([])
})

test('takes arguments flat or wrapped, and checks them as HTTP does', async () => {
  const { call, lake } = mcpClient()
  await call('assets.get', { id: 'a' })
  await call('assets.get', { payload: { id: 'b' } })
  await call('health', { payload: {} })
  expect(lake.calls).toEqual([
    { name: 'assets.get', input: { id: 'a' } },
    { name: 'assets.get', input: { id: 'b' } },
    { name: 'health', input: undefined },
  ])
  const { isError, content } = await call('dataset_versions.view_page', { payload: { limit: 0 } })
  expect(isError).toBe(true)
  expect(content[0].text).toBe(
    "Error calling tool 'dataset_versions.view_page': 422: limit: Input should be greater than or equal to 1; dataset_name: Field required; version: Field required",
  )
})

test('a result that is too large for a tool is an error that says how to get it', async () => {
  const assets = Array.from({ length: 11 }, (_, n) => ({ asset_id: `${n}`.repeat(1_000_000) }))
  const { call } = mcpClient({ tools: 'all' }, { 'assets.list': () => ({ assets }) })
  const { isError, content } = await call('assets.list', {})
  expect(isError).toBe(true)
  expect(content).toEqual([
    {
      type: 'text',
      text: expect.stringMatching(
        /^Error calling tool 'assets\.list': 413: the result has 1\d{7} bytes, .*: POST \/assets\.list$/,
      ),
    },
  ])
})

test('a task ends when its client cancels it, or goes', async () => {
  const started = new EventEmitter()
  const lake = fakeLake()
  const call: TaskCall = async (_name, _input, options) => {
    started.emit('call', options?.signal)
    await once(options?.signal as AbortSignal, 'abort')
    throw options?.signal?.reason
  }
  const app = testApp({ ...lake, call })
  const post = (body: unknown, session: string | null, signal?: AbortSignal) =>
    app.request('/mcp-server/mcp', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session === null ? {} : { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...(body as object) }),
      ...(signal === undefined ? {} : { signal }),
    })
  const health = { id: 7, method: 'tools/call', params: { name: 'health' } }

  const clientInfo = { name: 'test', version: '0' }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
  const opened = await post({ id: 1, method: 'initialize', params }, null)
  const session = opened.headers.get('mcp-session-id')
  await opened.text()
  const [[first]] = await Promise.all([once(started, 'call'), post(health, session)])
  expect(first.aborted).toBe(false)
  await post({ method: 'notifications/cancelled', params: { requestId: 7 } }, session)
  expect(first.aborted).toBe(true)

  const gone = new AbortController()
  const [[second]] = await Promise.all([once(started, 'call'), post(health, null, gone.signal)])
  gone.abort()
  expect(second.aborted).toBe(true)
})

test('says nothing of an error that nobody foresaw but an id, which stands in the log', async () => {
  const fail = () => {
    throw new Error('secret')
  }
  const { call, ask, log } = mcpClient({}, { 'assets.get': fail, 'datasets.list': fail })
  const { content } = await call('assets.get', { id: 'a' })
  const resources = await messageOf(await ask('resources/list'))
  const ids = log.lines
    .filter(({ level }) => level === 'error')
    .map(({ fields }) => fields.error_id)
  expect(content[0].text).toBe(`Error calling tool 'assets.get': 500: Internal error ${ids[0]}`)
  expect(resources.error).toMatchObject({ message: `500: Internal error ${ids[1]}` })
})

test('a payload that is too large for a resource is pointed to, a missing one not found', async () => {
  const { ask } = mcpClient(
    {},
    {
      'dataset_versions.get': () => {
        throw new MindtraceError('NOT_FOUND', 'no such dataset')
      },
    },
  )
  const large = await messageOf(await ask('resources/read', { uri: 'mindtrace://assets/asset_1' }))
  expect(large.error).toMatchObject({
    code: -32603,
    message: expect.stringMatching(/^413: .*GET \/v1\/assets\/asset_1\/payload streams it$/),
  })
  const uris = ['mindtrace://datasets/a/1', 'mindtrace://assets/a%', 'mindtrace://', 'x']
  for (const uri of uris) {
    const { error } = await messageOf(await ask('resources/read', { uri }))
    expect(error, uri).toMatchObject({ code: -32602 })
  }
})
