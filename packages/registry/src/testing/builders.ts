import type { ByteStream } from '@mindtrace/core'
import type { PutItem } from '../registry.ts'

/** Bytes that differ from seed to seed and are the same in every run. */
export function someBytes(sizeBytes: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes)
  let state = (seed * 2654435761) >>> 0 || 1
  for (let index = 0; index < sizeBytes; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state
  }
  return bytes
}

/** A stream of that many bytes in chunks, made as they are read. */
export function someStream(sizeBytes: number, chunkBytes = 64 * 1024): ByteStream {
  const chunk = someBytes(Math.min(chunkBytes, sizeBytes))
  let left = sizeBytes
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left > 0) controller.enqueue(chunk.slice(0, Math.min(left, chunk.byteLength)))
      left -= chunk.byteLength
      if (left <= 0) controller.close()
    },
  })
}

/** An item for `putMany` with valid defaults. */
export function aPutItem(item: Partial<PutItem> = {}): PutItem {
  return { name: 'photos/one', body: someBytes(1000), ...item }
}
