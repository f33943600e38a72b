import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { PayloadRead } from '@mindtrace/contract'
import { type ByteStream, lentChunksOf } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { startService } from './start-service.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'

const gibibyte = 1024 ** 3
const mebibyte = 1024 ** 2
/** What the system and Node may hold of one connection. */
const onTheWay = 32 * mebibyte

/** A gibibyte that is made as it is asked for, in memory of the reader's. */
function largePayload() {
  const seen = { made: 0, cancelled: false, views: new Set<ArrayBufferLike>() }
  const body = new ReadableStream(
    {
      type: 'bytes',
      pull(controller) {
        const view = controller.byobRequest?.view as Uint8Array
        const length = Math.min(view.byteLength, gibibyte - seen.made)
        seen.made += length
        controller.byobRequest?.respond(length)
        if (seen.made === gibibyte) controller.close()
      },
      cancel() {
        seen.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  const read: PayloadRead = {
    body,
    sizeBytes: gibibyte,
    range: null,
    mediaType: 'video/mp4',
    etag: 'large',
    storageRef: {
      mount: 'main',
      name: 'large',
      version: '1.0.0',
      qualified_key: 'main/large@1.0.0',
    },
  }
  return { seen, read }
}

/** Takes the head of an answer and then nothing more. */
async function pausedReader(port: number, path: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
  await once(socket, 'readable')
  return socket
}

/** Once a count has stopped to change. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = count()
    if (now === before) return now
    before = now
    await wait(250)
  }
}

function grownSince(before: number): number {
  return process.memoryUsage().arrayBuffers - before
}

test('a reader that stops holds no more than is on its way, and the source is let go with it', async () => {
  const payloads = Array.from({ length: 4 }, largePayload)
  const waiting = payloads.map(({ read }) => read)
  const lake = fakeLake({}, { readAsset: async () => waiting.shift() as PayloadRead })
  await using service = await startService({ app: testApp(lake), port: 0 })
  const before = process.memoryUsage().arrayBuffers
  const path = '/v1/assets/asset_1/payload'
  const readers = await Promise.all(payloads.map(() => pausedReader(service.port, path)))
  const made = () => payloads.reduce((sum, { seen }) => sum + seen.made, 0)
  expect(await settled(made)).toBeLessThan(payloads.length * onTheWay)
  expect(grownSince(before)).toBeLessThan(16 * mebibyte)
  for (const reader of readers) reader.destroy()
  await settled(() => payloads.filter(({ seen }) => seen.cancelled).length)
  expect(payloads.map(({ seen }) => seen.cancelled)).toEqual([true, true, true, true])
})

test('a gibibyte goes out whole', async () => {
  const { seen, read } = largePayload()
  const lake = fakeLake({}, { readAsset: async () => read })
  await using service = await startService({ app: testApp(lake), port: 0 })
  const sending = request({ port: service.port, path: '/v1/assets/asset_1/payload' })
  sending.end()
  const [answer] = await once(sending, 'response')
  let received = 0
  for await (const chunk of answer as AsyncIterable<Uint8Array>) received += chunk.byteLength
  expect([received, seen.made]).toEqual([gibibyte, gibibyte])
})

test('a writer is read no faster than the lake takes it', async () => {
  let taken = 0
  const release = Promise.withResolvers<void>()
  const done = Promise.withResolvers<number>()
  const lake = fakeLake(
    {},
    {
      writeObject: async (_place, body: ByteStream) => {
        for await (const chunk of lentChunksOf(body)) {
          taken += chunk.byteLength
          if (taken > mebibyte) await release.promise
        }
        done.resolve(taken)
        throw new Error('enough is known')
      },
    },
  )
  await using service = await startService({ app: testApp(lake), port: 0 })
  const size = 256 * mebibyte
  const before = process.memoryUsage().arrayBuffers
  const sending = request({
    port: service.port,
    method: 'PUT',
    path: '/v1/objects/main/large',
    headers: { 'content-length': size },
  })
  sending.on('error', () => {})
  const chunk = Buffer.alloc(mebibyte)
  let sent = 0
  const push = () => {
    while (sent < size) {
      sent += chunk.byteLength
      if (!sending.write(chunk)) {
        sending.once('drain', push)
        return
      }
    }
    sending.end()
  }
  push()
  expect(await settled(() => sent)).toBeLessThan(onTheWay)
  expect(grownSince(before)).toBeLessThan(16 * mebibyte)
  release.resolve()
  expect(await done.promise).toBe(size)
})
