import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { type ByteStream, type CallOptions, streamOf } from '@mindtrace/core'
import { blockBytes, type CacheEntry, isBlock } from './cache-entry.ts'

/** What {@link CachedPayload.body} is to give. */
export interface CachedRange extends CallOptions {
  readonly start: number
  /** Not in it. */
  readonly end: number
  /** The bytes from `position` to the end of the range from the store, for when those here are damaged. */
  readonly reopen: (position: number) => Promise<ByteStream>
}

const read = promisify(fs.read)

/** A payload in the cache, opened: what was opened stays readable when the entry goes. */
export class CachedPayload {
  readonly entry: CacheEntry
  readonly #fd: number
  readonly #forget: () => void
  #isOpen = true

  /** @param forget - called when the entry turns out to be damaged. */
  constructor(entry: CacheEntry, fd: number, forget: () => void) {
    this.entry = entry
    this.#fd = fd
    this.#forget = forget
  }

  close(): void {
    if (this.#isOpen) fs.closeSync(this.#fd)
    this.#isOpen = false
  }

  /** The bytes of a range, each compared with its sum before it is given out. Closes at its end. */
  body({ start, end, reopen, signal }: CachedRange): ByteStream {
    if (start === end) {
      this.close()
      return streamOf(new Uint8Array())
    }
    let position = start
    let underWay: Promise<unknown> = Promise.resolve()
    let rest: ReadableStreamDefaultReader<Uint8Array> | undefined
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            signal?.throwIfAborted()
            const index = Math.floor(position / blockBytes)
            if (rest === undefined) {
              const reading = this.#block(index)
              underWay = reading
              const block = await reading
              if (!this.#isOpen) return
              if (block !== undefined) {
                const from = index * blockBytes
                const piece = block.subarray(
                  position - from,
                  Math.min(end - from, block.byteLength),
                )
                position += piece.byteLength
                controller.enqueue(piece)
                if (position < end) return
                this.close()
                return controller.close()
              }
              this.#forget()
              this.close()
              rest = (await reopen(position)).getReader()
            }
            const next = await rest.read()
            if (next.done) controller.close()
            else controller.enqueue(next.value)
          } catch (error) {
            this.close()
            await rest?.cancel(error).catch(() => {})
            controller.error(error)
          }
        },
        cancel: async (reason) => {
          await underWay // a closed number may be another file's the next moment
          this.close()
          await rest?.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Undefined when it can't be read, or is not what was kept. */
  async #block(index: number): Promise<Uint8Array | undefined> {
    const from = index * blockBytes
    const block = new Uint8Array(Math.min(blockBytes, this.entry.sizeBytes - from))
    const { bytesRead } = await read(this.#fd, block, 0, block.byteLength, from).catch(() => ({
      bytesRead: -1,
    }))
    return bytesRead === block.byteLength && isBlock(this.entry, index, block) ? block : undefined
  }
}
