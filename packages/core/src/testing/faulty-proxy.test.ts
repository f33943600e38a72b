import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FaultyProxy } from './faulty-proxy.ts'

/** A server that gives back what it gets, and a proxy before it. */
async function echoed() {
  await using stack = new AsyncDisposableStack()
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  stack.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = stack.use(await FaultyProxy.start({ host: '127.0.0.1', port }))
  const kept = stack.move()
  return { proxy, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function connected({ port }: FaultyProxy): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

async function said(socket: Socket, words: string): Promise<string> {
  socket.write(words)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString()
}

const silent = Symbol('silent')

function orSilent<T>(answer: Promise<T>): Promise<T | typeof silent> {
  return Promise.race([answer, sleep(100, silent)])
}

test('without a fault every byte passes, and so does the end of one direction', async () => {
  await using lane = await echoed()
  const socket = await connected(lane.proxy)
  const sent = Buffer.alloc(3_000_000, 'mindtrace')
  socket.end(sent)
  expect((await buffer(socket)).equals(sent)).toBe(true)
  await expect.poll(() => lane.proxy.connections).toBe(0)
})

test('cut resets what is open, and new connections work', async () => {
  await using lane = await echoed()
  const socket = await connected(lane.proxy)
  expect(await said(socket, 'one')).toBe('one')
  lane.proxy.cut()
  const [error] = await once(socket, 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  expect(await said(await connected(lane.proxy), 'two')).toBe('two')
})

test('refused connections fail, those before stay, and it takes new ones on the same port later', async () => {
  await using lane = await echoed()
  const socket = await connected(lane.proxy)
  await lane.proxy.become({ kind: 'refuse' })
  await expect(connected(lane.proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(await said(socket, 'one')).toBe('one')
  await lane.proxy.become({ kind: 'none' })
  expect(await said(await connected(lane.proxy), 'two')).toBe('two')
})

test('a black hole takes connections and bytes, which arrive when it ends', async () => {
  await using lane = await echoed()
  const before = await connected(lane.proxy)
  expect(await said(before, 'one')).toBe('one')
  await lane.proxy.become({ kind: 'black hole' })
  const since = await connected(lane.proxy)
  const answers = [said(before, 'two'), said(since, 'three')]
  expect(await orSilent(Promise.race(answers))).toBe(silent)
  await lane.proxy.become({ kind: 'none' })
  expect(await Promise.all(answers)).toEqual(['two', 'three'])
})

test('a cut ends what a black hole holds', async () => {
  await using lane = await echoed()
  await lane.proxy.become({ kind: 'black hole' })
  const socket = await connected(lane.proxy)
  socket.write('lost')
  await expect.poll(() => lane.proxy.connections).toBe(1)
  lane.proxy.cut()
  expect(await once(socket, 'error')).toMatchObject([{ code: 'ECONNRESET' }])
  await lane.proxy.become({ kind: 'none' })
  expect(await said(await connected(lane.proxy), 'two')).toBe('two')
})

test('delay makes each direction slower', async () => {
  await using lane = await echoed()
  await lane.proxy.become({ kind: 'delay', ms: 60 })
  const socket = await connected(lane.proxy)
  const started = performance.now()
  expect(await said(socket, 'one')).toBe('one')
  expect(performance.now() - started).toBeGreaterThanOrEqual(118)
})

test('throttle bounds the bytes of a second', async () => {
  await using lane = await echoed()
  await lane.proxy.become({ kind: 'throttle', bytesPerSecond: 100_000 })
  const socket = await connected(lane.proxy)
  const started = performance.now()
  socket.end(Buffer.alloc(30_000))
  expect((await buffer(socket)).length).toBe(30_000)
  expect(performance.now() - started).toBeGreaterThanOrEqual(290)
})

test('truncate gives the first bytes of an answer and resets, as often as it is told', async () => {
  await using lane = await echoed()
  await lane.proxy.become({ kind: 'truncate', afterBytes: 5, times: 2 })
  for (const _ of [1, 2]) {
    const socket = await connected(lane.proxy)
    const got: Buffer[] = []
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    const failed = once(socket, 'error')
    socket.write('hel')
    socket.write('lo world')
    expect(await failed).toMatchObject([{ code: 'ECONNRESET' }])
    expect(Buffer.concat(got).toString()).toBe('hello')
  }
  const socket = await connected(lane.proxy)
  socket.end('hello world')
  expect(await text(socket)).toBe('hello world')
})
