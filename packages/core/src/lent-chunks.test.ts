import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { ChunkRelay, endOf, LentChunks, lentChunksOf } from './lent-chunks.ts'
import { bytesOf, checkedStream, chunksOf, streamOf } from './streams.ts'

const numbers = (count: number) => Uint8Array.from({ length: count }, (_, index) => index % 251)

/** A byte stream over chunks of these sizes, and what it saw. */
function byteStream(bytes: Uint8Array, chunkBytes: number) {
  const seen = { cancelled: undefined as unknown, memory: new Set<number>() }
  const relay = new ChunkRelay()
  let position = 0
  const stream = new ReadableStream(
    {
      type: 'bytes',
      pull(controller) {
        const request = controller.byobRequest?.view
        if (request != null) seen.memory.add(request.buffer.byteLength)
        if (relay.isEmpty && position < bytes.byteLength) {
          relay.hold(bytes.slice(position, position + chunkBytes))
          position += chunkBytes
        }
        if (!relay.isEmpty) relay.passTo(controller)
        else endOf(controller)
      },
      cancel(reason) {
        seen.cancelled = reason
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, seen }
}

const whole = numbers(10_007)
const accepting = { update: () => {}, fault: () => undefined }

it.each([
  ['smaller', 100],
  ['larger', 3_000],
  ['of the same size', 1_024],
])('a byte stream is read into one piece of memory, its own chunks being %s', async (_, size) => {
  const { stream } = byteStream(whole, size)
  const chunks = new LentChunks(stream, { chunkBytes: 1_024 })
  expect(chunks.areLent).toBe(true)
  const read: number[] = []
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
    expect(chunk.buffer.byteLength).toBe(1_024)
    read.push(...chunk)
  }
  expect(Uint8Array.from(read)).toEqual(whole)
  expect(await chunks.next()).toBeUndefined()
})

it('fills its chunks when asked to, the last as far as there is something', async () => {
  const sizes: number[] = []
  const read: number[] = []
  const { stream } = byteStream(whole, 300)
  for await (const chunk of lentChunksOf(checkedStream(stream, accepting), {
    chunkBytes: 4_000,
    fill: true,
  })) {
    sizes.push(chunk.byteLength)
    read.push(...chunk)
  }
  expect(sizes).toEqual([4_000, 4_000, 2_007])
  expect(Uint8Array.from(read)).toEqual(whole)
})

it('keeps a chunk good that the caller gives other memory for', async () => {
  const chunks = new LentChunks(byteStream(whole, 5_000).stream, { chunkBytes: 5_000, fill: true })
  const first = await chunks.next()
  const second = await chunks.next(new ArrayBuffer(5_000))
  expect(first).toEqual(whole.slice(0, 5_000))
  expect(second).toEqual(whole.slice(5_000, 10_000))
})

it('reads what is no byte stream in its own chunks, which stay good', async () => {
  const chunks = new LentChunks(streamOf(whole), { chunkBytes: 100 })
  expect(chunks.areLent).toBe(false)
  expect(await chunks.next()).toBe(whole)
  expect(await chunks.next()).toBeUndefined()
})

it('a byte stream gives readers without memory chunks of their own', async () => {
  const { stream } = byteStream(whole, 300)
  const kept: Uint8Array[] = []
  for await (const chunk of chunksOf(checkedStream(stream, accepting))) kept.push(chunk)
  expect(Uint8Array.from(kept.flatMap((chunk) => [...chunk]))).toEqual(whole)
})

it('does not give away memory that others have pieces of', async () => {
  const pooled = [Buffer.from('one'), Buffer.from('two')]
  const relay = new ChunkRelay()
  const stream = new ReadableStream(
    {
      type: 'bytes',
      pull(controller) {
        relay.hold(pooled.shift() as Buffer)
        relay.passTo(controller)
        if (pooled.length === 0) endOf(controller)
      },
    },
    { highWaterMark: 0 },
  )
  const second = pooled[1] as Buffer
  const reader = stream.getReader()
  expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('one')
  expect(second.toString()).toBe('two')
})

it('a checked byte stream ends in the fault of the whole, for both kinds of readers', async () => {
  const faulty = () =>
    checkedStream(byteStream(whole, 300).stream, {
      update: () => {},
      fault: () => new Error('another one'),
    })
  await expect(bytesOf(faulty(), 1e6)).rejects.toThrow('another one')
  const lent = async () => {
    for await (const _ of lentChunksOf(faulty(), { chunkBytes: 1_000 }));
  }
  await expect(lent()).rejects.toThrow('another one')
})

it('cancels its source when it is left, also while it waits', async () => {
  const left = byteStream(whole, 300)
  for await (const _ of lentChunksOf(checkedStream(left.stream, accepting))) break
  expect(left.seen.cancelled).toBeUndefined() // no reason was given
  const cancelled = Promise.withResolvers<unknown>()
  const silent = new ReadableStream(
    {
      type: 'bytes',
      pull: () => new Promise(() => {}),
      cancel: (reason) => cancelled.resolve(reason),
    },
    { highWaterMark: 0 },
  )
  const chunks = new LentChunks(checkedStream(silent, accepting))
  const waiting = chunks.next()
  await chunks.cancel('enough')
  expect(await cancelled.promise).toBe('enough')
  expect(await waiting).toBeUndefined()
})

it('passes the error of a source on', async () => {
  const failing = Readable.toWeb(
    Readable.from(
      (async function* () {
        yield Buffer.from('some')
        throw new Error('broken')
      })(),
    ),
  ) as ReadableStream<Uint8Array>
  const chunks = new LentChunks(failing)
  await chunks.next()
  await expect(chunks.next()).rejects.toThrow('broken')
})
