import type { CallOptions } from './concurrency.ts'
import { MindtraceError } from './errors.ts'
import { byobReaderOf, ChunkRelay, endOf } from './lent-chunks.ts'

/** Bytes as the packages pass them: small ones whole, others as a web stream. */
export type Bytes = Uint8Array<ArrayBuffer>
export type ByteStream = ReadableStream<Uint8Array>

/** A stream of one chunk (none when empty). */
export function streamOf(bytes: Uint8Array): ByteStream {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** Ends a body that will not be read: nothing for bytes, and for a stream that has its reader. */
export async function dropBody(body: unknown, reason: unknown): Promise<void> {
  if (body instanceof ReadableStream && !body.locked) await body.cancel(reason).catch(() => {})
}

/**
 * The whole stream in memory, up to `limitBytes`.
 *
 * @throws {@link MindtraceError} `TOO_LARGE` when more comes; the stream is cancelled.
 */
export async function bytesOf(
  stream: ByteStream,
  limitBytes: number,
  options: CallOptions = {},
): Promise<Bytes> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(stream, options)) {
    size += chunk.byteLength
    if (size > limitBytes) {
      throw new MindtraceError('TOO_LARGE', `more than ${limitBytes} bytes; read it as a stream`, {
        details: { limit: limitBytes },
      })
    }
    chunks.push(chunk)
  }
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}

/** The chunks of a stream; leaving the loop early, or an abort, cancels the stream. */
export async function* chunksOf(
  stream: ByteStream,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let done = false
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      const next = await reader.read()
      if (next.done) {
        done = true
        return
      }
      yield next.value
    }
  } finally {
    if (done) reader.releaseLock()
    else await reader.cancel().catch(() => {})
  }
}

/** What {@link checkedStream} asks of every chunk, and at the end. */
export interface StreamCheck {
  /** Sees a chunk before the reader does; it is waited for. */
  update(chunk: Uint8Array): void | Promise<void>
  /** What is wrong with the whole, undefined when nothing is. */
  fault(): Error | undefined | Promise<Error | undefined>
  /** The stream failed or was cancelled, so there is no whole. */
  broken?(reason: unknown): void
}

/**
 * The stream as it is, but ending in the check's error when the whole does not pass. Of a byte stream it makes
 * one, which fills the memory that its reader brings.
 */
export function checkedStream(
  stream: ByteStream,
  check: StreamCheck,
  options: {
    /** What has been read of the stream already: it comes first, and is checked too. It is given away. */
    readonly beginning?: Uint8Array | undefined
  } = {},
): ByteStream {
  const byob = byobReaderOf(stream)
  if (byob !== undefined) {
    byob.releaseLock()
    return checkedByteStream(stream, check, options.beginning)
  }
  let { beginning } = options
  const reader = stream.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next =
          beginning === undefined
            ? await reader.read().catch((error: unknown) => failed(error, check))
            : { done: false as const, value: beginning }
        beginning = undefined
        if (!next.done) {
          await check.update(next.value)
          controller.enqueue(next.value)
          return
        }
        const fault = await check.fault()
        if (fault === undefined) controller.close()
        else controller.error(fault)
      },
      cancel: (reason) => {
        check.broken?.(reason)
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function failed(error: unknown, check: StreamCheck): never {
  check.broken?.(error)
  throw error
}

function checkedByteStream(
  stream: ByteStream,
  check: StreamCheck,
  beginning: Uint8Array | undefined,
): ByteStream {
  const relay = new ChunkRelay()
  let isBegun = beginning === undefined
  let reader: ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader | undefined
  const end = async (controller: ReadableByteStreamController, memory?: Uint8Array) => {
    const fault = await check.fault()
    if (fault === undefined) endOf(controller, memory)
    else controller.error(fault)
  }
  const pullInto = async (controller: ReadableByteStreamController, view: Bytes) => {
    const byob = stream.getReader({ mode: 'byob' })
    reader = byob
    const { value, done } = await byob.read(view).catch((error: unknown) => failed(error, check))
    byob.releaseLock()
    reader = undefined
    if (value === undefined) return // cancelled
    if (done) return await end(controller, value)
    await check.update(value)
    controller.byobRequest?.respondWithNewView(value)
  }
  const pullOwn = async (controller: ReadableByteStreamController) => {
    const plain = stream.getReader()
    reader = plain
    const { value, done } = await plain.read().catch((error: unknown) => failed(error, check))
    plain.releaseLock()
    reader = undefined
    if (done) return await end(controller)
    await check.update(value)
    controller.enqueue(value as Uint8Array<ArrayBuffer>)
  }
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        if (!isBegun && beginning !== undefined) {
          isBegun = true
          await check.update(beginning)
          relay.hold(beginning)
        }
        if (!relay.isEmpty) return relay.passTo(controller)
        const view = controller.byobRequest?.view
        await (view == null ? pullOwn(controller) : pullInto(controller, view as Bytes))
      },
      cancel: (reason) => {
        check.broken?.(reason)
        return (reader ?? stream).cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
