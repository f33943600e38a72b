import {
  type ByteStream,
  type CallOptions,
  lentChunksOf,
  MindtraceError,
  streamOfLent,
} from '@mindtrace/core'
import { createTarPacker } from 'modern-tar'

/** A file of an archive. */
export interface TarFile {
  /** With `/`; never absolute, without `..`. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
  /** Exactly so many bytes, or the archive fails. It is read when it is its turn, or cancelled. */
  readonly body: Uint8Array | ByteStream
}

/**
 * Files as one POSIX tar archive, in their order, with nothing in it of this machine or of the time. It is made no faster
 * than it is read; when it is cancelled, so is the body at hand. A byte stream, which costs no memory but its reader's.
 */
export function tarOf(files: AsyncIterable<TarFile>, options: CallOptions = {}): ByteStream {
  return streamOfLent(pack(files, options))
}

/** The archive's pieces; each is good until the next is asked for. */
async function* pack(
  files: AsyncIterable<TarFile>,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array, void> {
  const { readable, controller } = createTarPacker()
  const packed = new PackedPieces(readable)
  for await (const file of files) {
    const { path, sizeBytes, modifiedAt, body } = file
    const entry = { name: path, size: sizeBytes, mtime: modifiedAt, mode: 0o644 }
    const writer = controller.add({ ...entry, type: 'file' }).getWriter()
    let written = 0
    const chunks = body instanceof Uint8Array ? [body] : lentChunksOf(body, { signal })
    for await (const chunk of chunks) {
      if (chunk.byteLength === 0) continue
      written += chunk.byteLength
      if (written > sizeBytes) throw wrongSize(path, sizeBytes, `more than ${sizeBytes}`)
      const writing = writer.write(chunk)
      yield* packed.upTo(chunk)
      await writing
    }
    if (written < sizeBytes) throw wrongSize(path, sizeBytes, String(written))
    yield* packed.during(writer.close())
  }
  controller.finalize()
  yield* packed.upTo()
}

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>

/** What the packer gives out: chunks as they are, and before and after them what a tar wants there. */
class PackedPieces {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #reading: Promise<ReadResult> | undefined

  constructor(packed: ReadableStream<Uint8Array>) {
    this.#reader = packed.getReader()
  }

  /** All up to that one, or to the end. */
  async *upTo(last?: Uint8Array): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const { done, value } = await this.#take()
      if (done) return
      yield value
      if (value === last) return
    }
  }

  /** What has to be taken before something is done: many small files fill the packer's queue. */
  async *during(work: Promise<void>): AsyncGenerator<Uint8Array, void> {
    const isDone = work.then(() => true)
    while (!(await Promise.race([isDone, this.#next().then(() => false)]))) {
      const { value } = await this.#take()
      if (value !== undefined) yield value
    }
  }

  async #take(): Promise<ReadResult> {
    const next = await this.#next()
    this.#reading = undefined
    return next
  }

  #next(): Promise<ReadResult> {
    this.#reading ??= this.#reader.read()
    return this.#reading
  }
}

function wrongSize(path: string, expected: number, actual: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `${path} should have ${expected} bytes and its payload gave ${actual}; verify the lake`,
    { details: { path, expected } },
  )
}
