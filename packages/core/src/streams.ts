import type { CallOptions } from './concurrency.ts'
import { MindtraceError } from './errors.ts'

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
