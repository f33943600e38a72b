import type { Readable } from 'node:stream'
import {
  type ByteStream,
  type CallOptions,
  isMindtraceError,
  MindtraceError,
} from '@mindtrace/core'
import { pause } from './s3-connection.ts'

/** Bytes `position` to `end` of an object, and how to go on when they break off. */
export interface BodyPlan extends CallOptions {
  readonly opened: Readable
  readonly start: number
  readonly end: number
  /** Opens the same bytes of the same object again, from a position on. */
  readonly reopen: (position: number) => Promise<Readable>
  /** For messages. */
  readonly key: string
}

interface Source {
  readonly readable: Readable
  readonly chunks: AsyncIterator<Uint8Array>
}

const maxBreaksInARow = 5

/**
 * The bytes as a stream that pulls only what is read. A connection that breaks, stalls or ends early is opened again where it
 * stopped; the object being another by then is an error. It ends well only after every byte.
 */
export function resumingBody(plan: BodyPlan): ByteStream {
  const { end, key, signal } = plan
  let position = plan.start
  let breaks = 0
  let isCancelled = false
  let source: Source | undefined = sourceOf(plan.opened)

  const next = async (): Promise<Uint8Array> => {
    for (;;) {
      try {
        signal?.throwIfAborted()
        source ??= sourceOf(await plan.reopen(position))
        if (isCancelled) source.readable.destroy()
        const { done, value } = await source.chunks.next()
        if (done === true) throw new Error(`it ended ${end - position} bytes early`)
        breaks = 0
        return value.subarray(0, end - position)
      } catch (error) {
        source?.readable.destroy()
        source = undefined
        signal?.throwIfAborted()
        if (isCancelled) throw error
        // The request for the rest was refused, after what attempts it had.
        if (isMindtraceError(error)) throw goneOr(error, key)
        breaks += 1
        if (breaks > maxBreaksInARow) throw broken(key, position, error)
      }
      await pause(breaks, signal)
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await next()
        if (isCancelled) return
        position += chunk.byteLength
        controller.enqueue(chunk)
        if (position < end) return
        // Read to its end, the connection can serve the next request.
        source?.readable.resume()
        controller.close()
      },
      cancel() {
        isCancelled = true
        source?.readable.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

function sourceOf(readable: Readable): Source {
  // It may break before anyone reads; the iterator tells then.
  readable.on('error', () => {})
  return { readable, chunks: readable[Symbol.asyncIterator]() }
}

function goneOr(error: MindtraceError, key: string): MindtraceError {
  const isAnother = error.code === 'PRECONDITION_FAILED' || error.code === 'NOT_FOUND'
  if (!isAnother) return error
  return new MindtraceError(
    'UNAVAILABLE',
    `'${key}' was changed while it was read; read it again`,
    {
      cause: error,
      details: { key },
    },
  )
}

function broken(key: string, position: number, cause: unknown): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `cannot read '${key}': the connection broke again and again at byte ${position}; repeat later`,
    { cause, details: { key, position } },
  )
}
