import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { FaultyHttpProxy } from './faulty-http-proxy.ts'

/** A server that tells what it was asked, and a proxy before it. */
async function asked() {
  await using stack = new AsyncDisposableStack()
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end(JSON.stringify({ method, url, host: headers.host, body: await text(request) }))
  }).listen(0, '127.0.0.1')
  stack.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = stack.use(await FaultyHttpProxy.start({ host: '127.0.0.1', port }))
  const kept = stack.move()
  return { proxy, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

test('requests and answers pass as they are, with the host that the client meant', async () => {
  await using lane = await asked()
  const body = 'x'.repeat(2_000_000)
  const answer = await fetch(`${lane.proxy.url}/a%20b?c=%2F`, { method: 'PUT', body })
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  const host = lane.proxy.url.replace('http://', '')
  expect(await answer.json()).toEqual({ method: 'PUT', url: '/a%20b?c=%2F', host, body })
})

test('answers that were laid ready are given once each, in order, to those that are meant', async () => {
  await using lane = await asked()
  const headers = { 'retry-after': '1' }
  lane.proxy.answerNext(2, { status: 503, headers, only: ({ method }) => method === 'PUT' })
  lane.proxy.answerNext(1, { status: 500, body: 'broken', only: ({ path }) => path === '/x' })
  const call = async (method: string, path: string) => {
    const answer = await fetch(`${lane.proxy.url}${path}`, { method })
    return { status: answer.status, after: answer.headers.get('retry-after') }
  }
  expect(await call('GET', '/')).toEqual({ status: 200, after: null })
  expect(await call('PUT', '/x')).toEqual({ status: 503, after: '1' })
  expect(await call('GET', '/x')).toEqual({ status: 500, after: null })
  expect(lane.proxy.unanswered).toBe(1)
  expect(await call('PUT', '/')).toEqual({ status: 503, after: '1' })
  expect(await call('PUT', '/')).toEqual({ status: 200, after: null })
})

test('an answer instead does not wait for the body', async () => {
  await using lane = await asked()
  lane.proxy.answerNext(1, { status: 500, body: 'no' })
  const body = 'x'.repeat(5_000_000)
  const answer = await fetch(lane.proxy.url, { method: 'PUT', body })
  expect([answer.status, await answer.text()]).toEqual([500, 'no'])
})

test('faults of the wire hold for HTTP: an answer is cut, the next one passes', async () => {
  await using lane = await asked()
  await lane.proxy.wire.become({ kind: 'truncate', afterBytes: 100, times: 1 })
  const got = fetch(lane.proxy.url).then((answer) => answer.text())
  await expect(got).rejects.toThrow()
  expect((await fetch(lane.proxy.url)).status).toBe(200)
})

test('a server that is gone is a connection that breaks', async () => {
  await using proxy = await FaultyHttpProxy.start({ host: '127.0.0.1', port: 1 })
  await expect(fetch(proxy.url)).rejects.toThrow('fetch failed')
})

test('an answer can be lost after the server has done what was asked', async () => {
  await using lane = await asked()
  lane.proxy.loseNextAnswer(({ method }) => method === 'PUT')
  expect((await fetch(lane.proxy.url)).status).toBe(200)
  await expect(fetch(lane.proxy.url, { method: 'PUT', body: 'x' })).rejects.toThrow()
  expect((await fetch(lane.proxy.url, { method: 'PUT', body: 'x' })).status).toBe(200)
})
