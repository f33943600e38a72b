import { type ByteStream, type CallOptions, LentChunks } from '@mindtrace/core'
import type { RunningHash } from '@mindtrace/core/hash'

/** A body cut into parts, each valid until it is given back. */
export interface PartSource {
  /** The next `sizeBytes` bytes; fewer are the last ones. */
  next(sizeBytes: number): Promise<BodyPart>
  /** Gives the memory of a part back. */
  release(part: BodyPart): void
  /** Ends it before its end. */
  cancel(reason: unknown): Promise<void>
}

/** A piece of a body. */
export interface BodyPart {
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

const mebibyte = 1024 * 1024
const firstBufferBytes = 64 * 1024

/** The size of most parts, and of the largest body that is written in one request. */
export const wholeBytes = 6 * mebibyte
/** What S3 allows. */
export const partLimits = {
  minBytes: 5 * mebibyte,
  maxBytes: 5 * 1024 * mebibyte,
  maxParts: 10_000,
}

/**
 * The size of a part of a stream whose length nobody knows: 6 MiB for the first 12 GB, then doubled again and again, so that
 * 10,000 parts hold 5 TiB and more.
 */
export function partBytes(number: number): number {
  const doublings = Math.max(0, Math.ceil((number - 2000) / 890))
  return Math.min(wholeBytes * 2 ** doublings, 4096 * mebibyte)
}

/** How many parts of a size are under way at once: four, and fewer when they grow. */
export function parallelParts(sizeBytes: number): number {
  return Math.max(1, Math.min(4, Math.floor((4 * wholeBytes) / sizeBytes)))
}

/** Cuts bytes in memory, without copying them. */
export function partsOfBytes(body: Uint8Array, hash: RunningHash): PartSource {
  let position = 0
  return {
    async next(sizeBytes) {
      const bytes = body.subarray(position, position + sizeBytes)
      position += bytes.byteLength
      hash.update(bytes)
      return { bytes, isLast: position === body.byteLength }
    },
    release() {},
    async cancel() {},
  }
}

/**
 * Cuts a stream of any length. Its chunks are copied into a few buffers that are used again, so memory
 * does not depend on when garbage is collected. An abort cancels the stream at once.
 */
export function partsOfStream(
  body: ByteStream,
  hash: RunningHash,
  { signal }: CallOptions,
): PartSource {
  const chunks = new LentChunks(body)
  const spare: ArrayBufferLike[] = []
  let rest: Uint8Array = new Uint8Array()
  let isFirst = true
  let isDone = false

  const end = () => {
    isDone = true
    signal?.removeEventListener('abort', onAbort)
  }
  const cancel = async (reason: unknown) => {
    if (isDone) return
    end()
    await chunks.cancel(reason)
  }
  const onAbort = () => void cancel(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })

  /** Whether there is a byte; it waits in `rest` then. */
  const hasMore = async () => {
    while (rest.byteLength === 0 && !isDone) {
      const chunk = await chunks.next()
      signal?.throwIfAborted()
      if (chunk === undefined) {
        end()
      } else {
        hash.update(chunk)
        rest = chunk
      }
    }
    return rest.byteLength > 0
  }
  const bufferOf = (sizeBytes: number) => {
    const found = spare.pop()
    return new Uint8Array(found?.byteLength === sizeBytes ? found : new ArrayBuffer(sizeBytes))
  }

  return {
    async next(sizeBytes) {
      signal?.throwIfAborted()
      // Most streams are small: the first buffer grows with what comes.
      let buffer = bufferOf(isFirst ? Math.min(firstBufferBytes, sizeBytes) : sizeBytes)
      isFirst = false
      let filled = 0
      while (filled < sizeBytes && (await hasMore())) {
        if (filled === buffer.byteLength) {
          const larger = new Uint8Array(Math.min(buffer.byteLength * 4, sizeBytes))
          larger.set(buffer)
          buffer = larger
        }
        const piece = rest.subarray(0, buffer.byteLength - filled)
        buffer.set(piece, filled)
        filled += piece.byteLength
        rest = rest.subarray(piece.byteLength)
      }
      return { bytes: buffer.subarray(0, filled), isLast: !(await hasMore()) }
    },
    release({ bytes }) {
      spare.push(bytes.buffer)
    },
    cancel,
  }
}
