import type { Readable } from 'node:stream'
import {
  type ByteStream,
  type CallOptions,
  ChunkRelay,
  endOf,
  isMindtraceError,
  MindtraceError,
  ReadableChunks,
  streamOf,
} from '@mindtrace/core'
import { pause } from './s3-connection.ts'

/** Bytes `start` to `end` of an object, and how to go on when they break off. */
export interface BodyPlan extends CallOptions {
  readonly opened: Readable
  readonly start: number
  readonly end: number
  /** Opens the same bytes of the same object again, from a position on. */
  readonly reopen: (position: number) => Promise<Readable>
  /** For messages. */
  readonly key: string
}

const maxBreaksInARow = 5
/** Bodies up to this size are taken while opening, which costs less than a stream that pulls. */
const inlineBytes = 64 * 1024

/**
 * The bytes as a stream that pulls only what is read. A connection that breaks, stalls or ends early is opened again where it
 * stopped; the object being another by then is an error. It ends well only after every byte.
 */
export async function resumingBody(plan: BodyPlan): Promise<ByteStream> {
  const { start, end } = plan
  const body = new ResumingBody(plan)
  if (end - start <= inlineBytes) {
    const bytes = new Uint8Array(end - start)
    while (body.position < end) {
      const { position } = body
      bytes.set(await body.next(), position - start)
    }
    return streamOf(bytes)
  }
  const relay = new ChunkRelay()
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        if (relay.isEmpty) relay.hold(await body.next())
        if (body.isCancelled) return
        relay.passTo(controller)
        if (relay.isEmpty && body.position === end) endOf(controller)
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  )
}

class ResumingBody {
  position: number
  isCancelled = false
  readonly #plan: BodyPlan
  #chunks: ReadableChunks | undefined
  #breaks = 0

  constructor(plan: BodyPlan) {
    this.#plan = plan
    this.position = plan.start
    this.#chunks = new ReadableChunks(plan.opened)
  }

  /** The next bytes; there are some. */
  async next(): Promise<Uint8Array> {
    const { end, signal } = this.#plan
    for (;;) {
      try {
        signal?.throwIfAborted()
        this.#chunks ??= new ReadableChunks(await this.#plan.reopen(this.position))
        if (this.isCancelled) this.#chunks.destroy()
        const chunk = (await this.#chunks.next())?.subarray(0, end - this.position)
        if (chunk === undefined) throw new Error(`it ended ${end - this.position} bytes early`)
        this.#breaks = 0
        this.position += chunk.byteLength
        if (this.position === end) this.#chunks.finish()
        return chunk
      } catch (error) {
        this.#chunks?.destroy()
        this.#chunks = undefined
        signal?.throwIfAborted()
        if (this.isCancelled) throw error
        this.#throwUnlessPassing(error)
      }
      await pause(this.#breaks, signal)
    }
  }

  cancel(): void {
    this.isCancelled = true
    this.#chunks?.destroy()
  }

  #throwUnlessPassing(error: unknown): void {
    const { key } = this.#plan
    if (isMindtraceError(error, 'PRECONDITION_FAILED') || isMindtraceError(error, 'NOT_FOUND')) {
      throw new MindtraceError(
        'UNAVAILABLE',
        `'${key}' was changed while it was read; read it again`,
        { cause: error, details: { key } },
      )
    }
    // The request for the rest was refused, after what attempts it had.
    if (isMindtraceError(error)) throw error
    this.#breaks += 1
    if (this.#breaks <= maxBreaksInARow) return
    throw new MindtraceError(
      'UNAVAILABLE',
      `cannot read '${key}': the connection broke again and again at byte ${this.position}; repeat later`,
      { cause: error, details: { key, position: this.position } },
    )
  }
}
