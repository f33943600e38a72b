import { once } from 'node:events'
import { connect } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { allTasks, type TaskName, taskPath } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'
import { createRequestContexts, requestScopedLog } from './request-context.ts'
import { RequestObserver } from './request-observer.ts'
import { createRouteNames } from './route-names.ts'
import { startService } from './start-service.ts'
import { type FakeHandlers, fakeLake } from './testing/fake-lake.ts'
import { recordingLog, testApp } from './testing/test-app.ts'

async function serve(handlers: FakeHandlers = {}) {
  const lines = recordingLog()
  const contexts = createRequestContexts()
  const log = requestScopedLog(lines, contexts)
  const metrics = new Metrics({ version: '1.2.3' })
  const observer = new RequestObserver({ contexts, log, metrics })
  const app = testApp(fakeLake(handlers), { log, metrics })
  const service = await startService({ app, port: 0, log, observer, metrics })
  const requests = () => lines.lines.filter(({ message }) => message === 'request')
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${service.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return {
    address: service.address,
    port: service.port,
    lines,
    log,
    requests,
    post,
    metrics: async () => await (await fetch(`${service.address}/metrics`)).text(),
    [Symbol.asyncDispose]: async () => {
      await service.close()
      metrics[Symbol.dispose]()
    },
  }
}

/** Waits until a condition holds: what follows an answer comes a moment after it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('logs requests at debug level, without bodies, queries or probes', async () => {
  await using served = await serve()
  await served.post('/assets.get?secret=1', { id: 'private' }, { 'x-request-id': 'mine-1' })
  await served.post('/status', {})
  await fetch(`${served.address}/health`)
  await until(() => served.requests().length === 1)
  expect(served.requests()).toEqual([
    {
      level: 'debug',
      message: 'request',
      fields: {
        request_id: 'mine-1',
        method: 'POST',
        path: '/assets.get',
        route: 'assets.get',
        status: 200,
        ms: expect.any(Number),
      },
    },
  ])
})

test('gives one id to the answer, to every line of the request, and to its failure', async () => {
  let served: Awaited<ReturnType<typeof serve>> | undefined
  await using one = await serve({
    'assets.get': async () => {
      await new Promise((resolve) => setImmediate(resolve))
      served?.log.warn({ detail: 1 }, 'in the lake')
      throw new Error('nobody foresaw this')
    },
  })
  served = one
  const response = await one.post('/assets.get', { id: 'a' })
  const requestId = response.headers.get('x-request-id')
  expect(requestId).toMatch(/^request_[0-9a-f]{32}$/)
  const { detail } = (await response.json()) as { detail: string }
  await until(() => one.requests().length === 1)
  const own = one.lines.lines.filter(({ message }) => message !== 'listening')
  expect(own.map(({ message, fields }) => [message, fields.request_id])).toEqual([
    ['in the lake', requestId],
    ['request failed', requestId],
    ['request', requestId],
  ])
  expect(own[1]?.fields.error_id).toBe(detail.replace('Internal error ', ''))
})

test('takes an id from a caller only if it is harmless', async () => {
  await using served = await serve()
  for (const [given, kept] of [
    ['a-b_c.d:1', true],
    ['x'.repeat(101), false],
    ['{"a":1}', false],
    ['a b', false],
  ] as const) {
    const response = await served.post('/summary', {}, { 'x-request-id': given })
    expect([given, response.headers.get('x-request-id') === given]).toEqual([given, kept])
  }
})

test('counts how each request ended, by task and in six words', async () => {
  await using served = await serve({
    'assets.get': () => {
      throw new MindtraceError('NOT_FOUND', 'no asset')
    },
    'datums.get': () => {
      throw new Error('x')
    },
    'assets.list': () => {
      throw new MindtraceError('RATE_LIMITED', 'x')
    },
    mounts: () => {
      throw new MindtraceError('FORBIDDEN', 'x')
    },
    'collections.get': () => new Promise(() => {}),
  })
  await served.post('/summary', {})
  await served.post('/assets.get', { id: 'asset_secret' })
  await served.post('/datums.get', { id: 'd' })
  await served.post('/assets.list', {})
  await served.post('/mounts', {})
  await fetch(`${served.address}/no/such/asset_secret`)
  const caller = new AbortController()
  const gone = connectLake(served.address).collections.get({ id: 'c' }, { signal: caller.signal })
  await until(() => served.lines.lines.length > 0)
  setTimeout(() => caller.abort(), 50)
  await expect(gone).rejects.toThrow()
  await until(() => served.requests().length === 7)
  const text = await served.metrics()
  const counts = Object.fromEntries(
    [...text.matchAll(/^mindtrace_request_duration_seconds_count\{(.*)\} (\d+)$/gm)].map(
      ([, labels = '', count]) => [labels, Number(count)],
    ),
  )
  expect(counts).toEqual({
    'task="summary",outcome="ok"': 1,
    'task="assets.get",outcome="invalid"': 1,
    'task="datums.get",outcome="failed"': 1,
    'task="assets.list",outcome="limited"': 1,
    'task="mounts",outcome="refused"': 1,
    'task="other",outcome="invalid"': 1,
    'task="collections.get",outcome="aborted"': 1,
  })
  expect(text).not.toContain('asset_secret')
  expect(text).toMatch(/^mindtrace_info\{version="1.2.3",node="v\d+/m)
  // The one that asks.
  expect(text).toMatch(/^mindtrace_requests_in_flight 1$/m)
})

test('counts bytes of connections that are open and that were closed', async () => {
  await using served = await serve()
  const numbers = async () => {
    const text = await served.metrics()
    return ['received', 'sent'].map((name) =>
      Number(new RegExp(`^mindtrace_${name}_bytes_total (\\d+)$`, 'm').exec(text)?.[1]),
    ) as [number, number]
  }
  const before = await numbers()
  const socket = connect(served.port, '127.0.0.1')
  socket.write(
    `POST /assets.get HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n${' '.repeat(100_000)}`,
  )
  socket.resume()
  await once(socket, 'close')
  const after = await numbers()
  expect(after[0] - before[0]).toBeGreaterThan(100_000)
  expect(after[0] - before[0]).toBeLessThan(110_000)
  expect(after[1]).toBeGreaterThan(before[1])
})

test('has a name for every task and stream, and few others', () => {
  const nameOf = createRouteNames('/mcp-server/mcp')
  for (const name of Object.keys(allTasks) as TaskName[]) {
    expect(nameOf('POST', taskPath(name))).toBe(name)
    expect(nameOf('POST', `${taskPath(name)}/`)).toBe(name)
    expect(nameOf('DELETE', taskPath(name))).toBe('other')
  }
  expect(nameOf('GET', '/v1/assets/asset_1/payload')).toBe('readAsset')
  expect(nameOf('HEAD', '/v1/objects/main/a/b/c')).toBe('readObject')
  expect(nameOf('PUT', '/v1/objects/main/a')).toBe('writeObject')
  expect(nameOf('GET', '/v1/downloads/secret.token')).toBe('download')
  expect(nameOf('POST', '/mcp-server/mcp')).toBe('mcp')
  for (const path of ['/v1/assets/a/b/payload', '/v1/objects/main', '/v1/x', '/__proto__']) {
    expect([path, nameOf('GET', path)]).toEqual([path, 'other'])
  }
})
