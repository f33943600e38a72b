import { expect, it } from 'vitest'
import { bytesOf, checkedStream, streamOf } from './streams.ts'

it('a checked stream passes what it was given, or ends in the fault of the whole', async () => {
  const countTo = (wanted: number) => {
    let size = 0
    return {
      update: (chunk: Uint8Array) => {
        size += chunk.byteLength
      },
      fault: () => (size === wanted ? undefined : new Error(`${size} bytes, not ${wanted}`)),
    }
  }
  const bytes = new Uint8Array([1, 2, 3])
  expect(await bytesOf(checkedStream(streamOf(bytes), countTo(3)), 10)).toEqual(bytes)
  await expect(bytesOf(checkedStream(streamOf(bytes), countTo(4)), 10)).rejects.toThrow(
    '3 bytes, not 4',
  )
})

it('a checked stream that is left early cancels its source', async () => {
  const cancelled = Promise.withResolvers<unknown>()
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: (reason) => cancelled.resolve(reason),
  })
  const reader = checkedStream(source, { update: () => {}, fault: () => undefined }).getReader()
  await reader.read()
  await reader.cancel('enough')
  expect(await cancelled.promise).toBe('enough')
})
