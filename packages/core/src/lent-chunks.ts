import type { CallOptions } from './concurrency.ts'
import type { ByteStream } from './streams.ts'

/** Of this size are the pieces that {@link LentChunks} asks for. */
const defaultChunkBytes = 256 * 1024

/** Options of {@link LentChunks}. */
export interface LentChunksOptions {
  /** The most bytes of a chunk; default 256 KiB. A stream that is no byte stream gives chunks of its own size. */
  readonly chunkBytes?: number | undefined
  /** Whether chunks but the last are filled to that size; default false. Only byte streams do. */
  readonly fill?: boolean | undefined
}

/**
 * Reads a stream in chunks that are good until the next is asked for. A byte stream (`type: 'bytes'`) is read
 * into the same memory again and again. New memory for every chunk would be garbage that V8 collects late: 30
 * MB of it and more are there at any time, as it looks young and costs the heap nothing.
 */
export class LentChunks {
  readonly #byob: ReadableStreamBYOBReader | undefined
  readonly #plain: ReadableStreamDefaultReader<Uint8Array> | undefined
  readonly #chunkBytes: number
  readonly #min: number
  #buffer: ArrayBuffer | undefined
  #isDone = false

  constructor(stream: ByteStream, options: LentChunksOptions = {}) {
    const { chunkBytes = defaultChunkBytes, fill = false } = options
    this.#byob = byobReaderOf(stream)
    this.#plain = this.#byob === undefined ? stream.getReader() : undefined
    this.#chunkBytes = chunkBytes
    this.#min = fill ? chunkBytes : 1
  }

  /** Whether the chunks are in memory that is used again, so none may be kept. */
  get areLent(): boolean {
    return this.#byob !== undefined
  }

  /**
   * The next chunk, undefined at the end. A byte stream fills `instead` when it is given; the chunk before stays
   * good then, and its memory may be given here later. It has the size of a chunk.
   */
  async next(instead?: ArrayBuffer): Promise<Uint8Array | undefined> {
    if (this.#isDone) return undefined
    const { value, done } = await this.#read(instead)
    this.#isDone = done
    // The last piece of a stream that was to fill its chunks comes with the end.
    return value === undefined || (done && value.byteLength === 0) ? undefined : value
  }

  /** Ends the stream, also while a chunk is waited for. Harmless at its end. */
  async cancel(reason?: unknown): Promise<void> {
    if (this.#isDone) return
    this.#isDone = true
    await (this.#byob ?? this.#plain)?.cancel(reason).catch(() => {})
  }

  async #read(
    instead: ArrayBuffer | undefined,
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> {
    if (this.#byob === undefined) return (this.#plain as ReadableStreamDefaultReader).read()
    const buffer = instead ?? this.#buffer ?? new ArrayBuffer(this.#chunkBytes)
    const read = await this.#byob.read(new Uint8Array(buffer), { min: this.#min })
    this.#buffer = read.value?.buffer
    return read
  }
}

/**
 * {@link chunksOf} for a loop that keeps no chunk: each is good until the next turn.
 */
export async function* lentChunksOf(
  stream: ByteStream,
  options: CallOptions & LentChunksOptions = {},
): AsyncGenerator<Uint8Array> {
  const chunks = new LentChunks(stream, options)
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      const chunk = await chunks.next()
      if (chunk === undefined) return
      yield chunk
    }
  } finally {
    await chunks.cancel()
  }
}

/** A reader that brings its own memory, undefined for a stream that is no byte stream. */
export function byobReaderOf(stream: ByteStream): ReadableStreamBYOBReader | undefined {
  if (stream.locked) return undefined
  try {
    return stream.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

/**
 * What a byte stream answers a pull with when its source makes memory for each chunk, as Node's connections do: the
 * chunk goes into the memory that the reader brought, and its own is freed at once; or it is given away as it is.
 */
export class ChunkRelay {
  #chunk: Uint8Array | undefined
  #isAlone = false

  /** Whether the next pull needs a new chunk. */
  get isEmpty(): boolean {
    return this.#chunk === undefined
  }

  /** Takes a chunk over, which nobody else has or will have. It is not empty, and the one before is gone. */
  hold(chunk: Uint8Array): void {
    this.borrow(chunk)
    // A piece of memory that others have pieces of, such as Node's pool of small buffers, can't be given away.
    this.#isAlone =
      chunk.buffer instanceof ArrayBuffer && chunk.byteLength === chunk.buffer.byteLength
  }

  /** Holds a chunk whose memory is others': it stays good until this is empty. */
  borrow(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#isAlone = false
  }

  /** Answers a pull with what is held, or as much of it as the reader takes. */
  passTo(controller: ReadableByteStreamController): void {
    const chunk = this.#chunk as Uint8Array<ArrayBuffer>
    const view = controller.byobRequest?.view
    if (view == null) {
      const isWhole = this.#isAlone && chunk.byteLength === chunk.buffer.byteLength
      this.#chunk = undefined
      controller.enqueue(isWhole ? chunk : new Uint8Array(chunk))
      return
    }
    const taken = chunk.subarray(0, view.byteLength)
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(taken)
    const rest = chunk.subarray(taken.byteLength)
    this.#chunk = rest.byteLength > 0 ? rest : undefined
    controller.byobRequest?.respond(taken.byteLength)
    if (this.#chunk === undefined && this.#isAlone) chunk.buffer.transfer(0)
  }
}

/**
 * A byte stream of chunks that are good until the next is asked for. Each is copied into the memory that its reader
 * brings; a reader that brings none gets memory of its own.
 */
export function streamOfLent(chunks: AsyncGenerator<Uint8Array, void>): ByteStream {
  const relay = new ChunkRelay()
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        while (relay.isEmpty) {
          const { done, value } = await chunks.next()
          if (done) return endOf(controller)
          if (value.byteLength > 0) relay.borrow(value)
        }
        relay.passTo(controller)
      },
      async cancel() {
        await chunks.return()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Ends a byte stream, whatever its reader waits with. `memory` is what became of the memory that the reader
 * brought, if it was handed on.
 */
export function endOf(controller: ReadableByteStreamController, memory?: Uint8Array): void {
  controller.close()
  if (memory === undefined) controller.byobRequest?.respond(0)
  else controller.byobRequest?.respondWithNewView(memory as Uint8Array<ArrayBuffer>)
}
