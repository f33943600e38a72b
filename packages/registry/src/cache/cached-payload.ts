import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { type ByteStream, type CallOptions, endOf, streamOf } from '@mindtrace/core'
import { blockBytes, type CacheEntry, isBlock } from './cache-entry.ts'

/** What {@link CachedPayload.body} is to give. */
export interface CachedRange extends CallOptions {
  readonly start: number
  /** Not in it. */
  readonly end: number
  /** The bytes from `position` to the end of the range from the store, for when those here are damaged. */
  readonly reopen: (position: number) => Promise<ByteStream>
}

/** For readers that bring no memory. */
const chunkBytes = 64 * 1024

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

  /**
   * The bytes of a range, each compared with its sum before it is given out. A byte stream, which fills the
   * memory of its reader. Closes at its end.
   */
  body({ start, end, reopen, signal }: CachedRange): ByteStream {
    if (start === end) {
      this.close()
      return streamOf(new Uint8Array())
    }
    const blocks = new Blocks(this.entry, this.#fd)
    let position = start
    let rest: ReadableStreamDefaultReader<Uint8Array> | undefined
    const pullKept = async (controller: ReadableByteStreamController) => {
      const block = await blocks.at(position)
      if (!this.#isOpen) return true
      if (block === undefined) return false
      const view = controller.byobRequest?.view as Uint8Array<ArrayBuffer> | null | undefined
      const wanted = Math.min(view?.byteLength ?? chunkBytes, end - position)
      const piece = block.subarray(0, wanted)
      position += piece.byteLength
      if (view == null) controller.enqueue(piece.slice())
      else {
        view.set(piece)
        controller.byobRequest?.respond(piece.byteLength)
      }
      if (position < end) return true
      this.close()
      endOf(controller)
      return true
    }
    return new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          try {
            signal?.throwIfAborted()
            if (rest === undefined) {
              if (await pullKept(controller)) return
              this.#forget()
              this.close()
              rest = (await reopen(position)).getReader()
            }
            const next = await rest.read()
            if (next.done) endOf(controller)
            else controller.enqueue(new Uint8Array(next.value)) // which takes the memory over
          } catch (error) {
            await blocks.settled()
            this.close()
            await rest?.cancel(error).catch(() => {})
            controller.error(error)
          }
        },
        cancel: async (reason) => {
          await blocks.settled() // a closed number may be another file's the next moment
          this.close()
          await rest?.cancel(reason)
        },
      },
      { highWaterMark: 0 },
    )
  }
}

/** The blocks of an entry, one at a time in memory that is used again. */
class Blocks {
  readonly #entry: CacheEntry
  readonly #fd: number
  readonly #memory: Uint8Array<ArrayBuffer>
  #index = -1
  #length = 0
  #reading: Promise<unknown> = Promise.resolve()

  constructor(entry: CacheEntry, fd: number) {
    this.#entry = entry
    this.#fd = fd
    this.#memory = new Uint8Array(Math.min(blockBytes, entry.sizeBytes))
  }

  /** The bytes from a position to the end of its block; undefined when they are not what was kept. */
  async at(position: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const index = Math.floor(position / blockBytes)
    const from = index * blockBytes
    if (index !== this.#index) {
      this.#index = -1
      this.#length = Math.min(blockBytes, this.#entry.sizeBytes - from)
      const reading = read(this.#fd, this.#memory, 0, this.#length, from).then(
        ({ bytesRead }) => bytesRead,
        () => -1,
      )
      this.#reading = reading
      const isWhole = (await reading) === this.#length
      if (!isWhole || !isBlock(this.#entry, index, this.#memory.subarray(0, this.#length))) {
        return undefined
      }
      this.#index = index
    }
    return this.#memory.subarray(position - from, this.#length)
  }

  /** Resolves when the file is not read any more. */
  async settled(): Promise<void> {
    await this.#reading
  }
}
