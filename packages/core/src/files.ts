import * as fs from 'node:fs'
import { promisify } from 'node:util'
import type { CallOptions } from './concurrency.ts'
import { endOf } from './lent-chunks.ts'
import type { ByteStream, Bytes } from './streams.ts'

/** A part of an open file. */
export interface FilePart {
  readonly fd: number
  readonly start: number
  /** Not in it. The stream of a file that has become shorter ends before. */
  readonly end: number
}

/** Options of {@link fileStream} and {@link filePartStream}. */
export interface FileStreamOptions extends CallOptions {
  /** What the stream fails with for an error of the system; default: that error. */
  readonly failure?: ((error: unknown) => unknown) | undefined
}

/** For readers that bring no memory. Small, since what they leave is collected late: see `LentChunks`. */
const chunkBytes = 64 * 1024
/** Chunks are copied out of blocks of this size: to ask the system for each costs several times the copy. */
const blockBytes = 1024 * 1024

const open = promisify(fs.open)
const fstat = promisify(fs.fstat)
const read = promisify(fs.read)

/**
 * A file from its beginning to its end, opened by the first read. A byte stream: the memory that a reader brings is
 * filled by the system, without a copy; for one that brings none is read ahead. Node only.
 */
export function fileStream(path: string | URL, options: FileStreamOptions = {}): ByteStream {
  return new ReadableStream(new FileSource(() => openWhole(path), options), { highWaterMark: 0 })
}

/** As {@link fileStream} a part of an open file, which the end, an error and a cancel close. Node only. */
export function filePartStream(part: FilePart, options: FileStreamOptions = {}): ByteStream {
  return new ReadableStream(new FileSource(part, options), { highWaterMark: 0 })
}

async function openWhole(path: string | URL): Promise<FilePart> {
  const fd = await open(path, 'r')
  try {
    return { fd, start: 0, end: (await fstat(fd)).size }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

class FileSource {
  readonly type = 'bytes' as const
  readonly #failure: (error: unknown) => unknown
  readonly #signal: AbortSignal | undefined
  readonly #open: () => Promise<FilePart>
  #part: FilePart | undefined
  #position = 0
  #isDone = false
  #underWay: Promise<unknown> = Promise.resolve()
  // What was read and waits to be handed out, and one block ahead: the disk reads while the reader works.
  #block: Bytes = new Uint8Array()
  #ahead: Promise<Bytes> | undefined
  #spare: ArrayBuffer | undefined

  constructor(part: FilePart | (() => Promise<FilePart>), options: FileStreamOptions) {
    this.#open = typeof part === 'function' ? part : async () => part
    if (typeof part !== 'function') this.#begin(part)
    this.#failure = options.failure ?? ((error) => error)
    this.#signal = options.signal
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      this.#signal?.throwIfAborted()
      const part = this.#part ?? (await this.#opened())
      if (this.#isDone) return
      const view = controller.byobRequest?.view as Bytes | null | undefined
      const isBehind = this.#block.byteLength > 0 || this.#ahead !== undefined
      const bytesRead = await (view == null || isBehind
        ? this.#passOwn(part, controller)
        : this.#readInto(part, view, controller))
      if (this.#isDone || (bytesRead !== 0 && this.#position < part.end)) return
      this.#close()
      endOf(controller)
    } catch (error) {
      await this.#underWay
      this.#close()
      controller.error(this.#failure(error))
    }
  }

  async cancel(): Promise<void> {
    await this.#underWay // a closed number may be another file's the next moment
    this.#close()
  }

  async #opened(): Promise<FilePart> {
    const opening = this.#open().then((part) => this.#begin(part))
    this.#underWay = opening.catch(() => {}) // the pull that waits for it throws
    return opening
  }

  #begin(part: FilePart): FilePart {
    this.#part = part
    this.#position = part.start
    return part
  }

  #close(): void {
    if (!this.#isDone && this.#part !== undefined) fs.closeSync(this.#part.fd)
    this.#isDone = true
  }

  async #readInto(
    part: FilePart,
    view: Bytes,
    controller: ReadableByteStreamController,
  ): Promise<number> {
    const bytesRead = await this.#readAt(part, view, this.#position)
    if (this.#isDone) return 0
    this.#position += bytesRead
    if (bytesRead > 0) controller.byobRequest?.respond(bytesRead)
    return bytesRead
  }

  async #passOwn(part: FilePart, controller: ReadableByteStreamController): Promise<number> {
    const chunk = await this.#nextChunk(part)
    if (this.#isDone) return 0
    const bytesRead = chunk.byteLength
    this.#position += bytesRead
    // Takes the chunk's memory away.
    if (bytesRead > 0) controller.enqueue(chunk)
    return bytesRead
  }

  async #nextChunk(part: FilePart): Promise<Bytes> {
    if (this.#block.byteLength === 0) {
      this.#block = await (this.#ahead ?? this.#readBlock(part, this.#position))
      this.#ahead = undefined
      const from = this.#position + this.#block.byteLength
      if (!this.#isDone && this.#block.byteLength > 0 && from < part.end) {
        this.#ahead = this.#readBlock(part, from)
        this.#ahead.catch(() => {}) // thrown where it is awaited, if ever
      }
    }
    const block = this.#block
    const isOwn = block.byteLength === block.buffer.byteLength && block.byteLength <= chunkBytes
    const chunk = isOwn ? block : block.slice(0, chunkBytes)
    this.#block = block.subarray(chunk.byteLength)
    if (this.#block.byteLength === 0 && !isOwn) this.#spare = block.buffer
    return chunk
  }

  async #readBlock(part: FilePart, from: number): Promise<Bytes> {
    const sizeBytes = Math.min(blockBytes, part.end - from)
    const isEnough = (this.#spare?.byteLength ?? 0) >= sizeBytes
    const buffer = isEnough && this.#spare ? this.#spare : new ArrayBuffer(sizeBytes)
    this.#spare = undefined
    const bytesRead = await this.#readAt(part, new Uint8Array(buffer), from)
    return new Uint8Array(buffer, 0, bytesRead)
  }

  async #readAt({ fd, end }: FilePart, view: Bytes, from: number): Promise<number> {
    const reading = read(fd, view, 0, Math.min(view.byteLength, end - from), from)
    this.#underWay = reading.catch(() => {}) // the pull that waits for it throws
    return (await reading).bytesRead
  }
}
