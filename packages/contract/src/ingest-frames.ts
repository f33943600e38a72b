import { type ByteStream, type Bytes, errorMessage, MindtraceError } from '@mindtrace/core'
import { parse } from './call.ts'
import type { IngestItem, IngestPayload } from './lake.ts'
import { IngestSample } from './model/ingest.ts'

/**
 * How the samples of a group and their bytes travel in one request body:
 *
 *     {"sample":{…}}\n
 *     {"payload":{"role":"image","size":51234}}\n<51234 bytes>\n      once for each role of the sample that
 *     {"sample":{…}}\n                                                is not in place, in the order of sample.assets
 *     {"end":{"samples":2}}\n
 *
 * Lengths stand before the bytes, so nothing is searched or escaped; the last line tells a whole body
 * from one that was cut off.
 */

/** Media type of a body of ingest frames. */
export const ingestFramesType = 'application/vnd.mindtrace.ingest-frames'

/** Longest header line, and the largest payload that is handed out whole. */
const maxLineBytes = 1024 * 1024
const maxWholePayloadBytes = 1024 * 1024
/** Frames smaller than this are sent together: a chunk of a few bytes costs as much as a large one. */
const sendBufferBytes = 64 * 1024
const lineFeed = 10

/**
 * The items as one stream of frames. It is read as it is pulled; an opener is called when it is its turn.
 *
 * @throws {@link MindtraceError} through the stream: `INVALID_INPUT` for a payload that is missing or has
 * another size than its sample says, `TOO_LARGE` for a sample of more than 1 MiB of JSON; and whatever
 * the items or their openers throw.
 */
export function encodeIngestFrames(
  items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
): ByteStream {
  const parts = coalesced(frameParts(items))
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await parts.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await parts.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

async function* frameParts(
  items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
): AsyncGenerator<Uint8Array> {
  let samples = 0
  for await (const { sample, payloads } of items) {
    yield headerLine({ sample }, sample.source_key)
    for (const [role, asset] of Object.entries(sample.assets)) {
      if (asset.in_place !== undefined) continue
      const payload = payloads[role]
      const what = `payload ${role} of sample ${sample.source_key}`
      if (payload === undefined) throw new MindtraceError('INVALID_INPUT', `${what} is missing`)
      const size = payload instanceof Uint8Array ? payload.byteLength : asset.size_bytes
      yield headerLine({ payload: { role, size } }, what)
      yield* payloadParts(payload, size, what)
      yield Uint8Array.of(lineFeed)
    }
    samples += 1
  }
  yield headerLine({ end: { samples } }, 'end')
}

async function* payloadParts(
  payload: IngestPayload,
  size: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  if (payload instanceof Uint8Array) {
    yield payload
    return
  }
  const reader = (await payload()).getReader()
  let sent = 0
  let done = false
  try {
    for (;;) {
      const next = await reader.read()
      done = next.done
      if (next.done) break
      sent += next.value.byteLength
      if (sent > size) throw sizeMismatch(what, size, `more than ${size}`)
      yield next.value
    }
    if (sent < size) throw sizeMismatch(what, size, `${sent}`)
  } finally {
    if (!done) await reader.cancel().catch(() => {})
  }
}

function sizeMismatch(what: string, expected: number, actual: string): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `${what} should have ${expected} bytes but its stream gave ${actual}; was the file changed meanwhile?`,
  )
}

const encoder = new TextEncoder()

function headerLine(header: unknown, what: string): Uint8Array {
  const line = encoder.encode(`${JSON.stringify(header)}\n`)
  if (line.byteLength <= maxLineBytes) return line
  throw new MindtraceError(
    'TOO_LARGE',
    `${what}: its description has ${line.byteLength} bytes, more than the ${maxLineBytes} that a frame holds`,
    { details: { limit: maxLineBytes } },
  )
}

/** Joins small parts into chunks of about {@link sendBufferBytes}; large ones go through uncopied. */
async function* coalesced(parts: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(sendBufferBytes)
  let filled = 0
  for await (const part of parts) {
    if (filled + part.byteLength > sendBufferBytes && filled > 0) {
      yield buffer.subarray(0, filled)
      buffer = new Uint8Array(sendBufferBytes)
      filled = 0
    }
    if (part.byteLength >= sendBufferBytes) {
      yield part
      continue
    }
    buffer.set(part, filled)
    filled += part.byteLength
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}

/**
 * The items of a stream of frames. A payload of up to 1 MiB comes whole, unless a larger one of its
 * sample stands before it. The others come as functions: they are opened in the order of
 * `sample.assets`, at most once, and read to their end or cancelled **before the next item is asked
 * for**. What was not opened by then is skipped, and opening it later throws.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` that names the frame for a body that is malformed or
 * was cut off; `VALIDATION_FAILED` for a sample that does not fit its model; `INTERNAL` when the next
 * item is asked for while a payload is still being read.
 */
export async function* decodeIngestFrames(stream: ByteStream): AsyncGenerator<IngestItem> {
  const frames = new FrameReader(stream)
  try {
    for (let samples = 0; ; samples++) {
      const header = await frames.header()
      if ('end' in header) {
        await frames.end(header.end, samples)
        return
      }
      if (!('sample' in header)) throw frames.malformed('a sample or the end should stand here')
      const sample = parse(IngestSample, header.sample, `frame ${frames.count}: sample`)
      const sent = Object.entries(sample.assets).filter(([, asset]) => asset.in_place === undefined)
      const payloads = new SamplePayloads(
        frames,
        sent.map(([role]) => role),
      )
      yield { sample, payloads: await payloads.receive() }
      await payloads.skipRest()
    }
  } finally {
    await frames.cancel()
  }
}

/** The payloads of one sample, in the order in which they come. */
class SamplePayloads {
  readonly #frames: FrameReader
  readonly #roles: readonly string[]
  /** Index of the payload that comes next. */
  #next = 0
  #size = 0
  #left = false
  #reading = false

  constructor(frames: FrameReader, roles: readonly string[]) {
    this.#frames = frames
    this.#roles = roles
  }

  /** Small ones whole, until the first large one: from there on functions. */
  async receive(): Promise<Record<string, IngestPayload>> {
    const payloads: Record<string, IngestPayload> = Object.create(null)
    while (this.#next < this.#roles.length) {
      await this.#readHeader()
      if (this.#size > maxWholePayloadBytes) break
      const bytes = await this.#frames.bytes(this.#size)
      payloads[this.#roles[this.#next] as string] = bytes
      await this.#finish()
    }
    const pending = this.#roles.slice(this.#next)
    for (const [offset, role] of pending.entries()) {
      const index = this.#next + offset
      payloads[role] = () => this.#open(index)
    }
    return payloads
  }

  /** Reads past what the receiver left unread. */
  async skipRest(): Promise<void> {
    this.#left = true
    if (this.#reading) {
      throw new MindtraceError(
        'INTERNAL',
        `the next sample was asked for while payload ${this.#roles[this.#next]} was being read`,
      )
    }
    await this.#skipTo(this.#roles.length)
  }

  async #open(index: number): Promise<ByteStream> {
    const role = this.#roles[index]
    if (this.#left || this.#reading || index < this.#next) {
      throw new MindtraceError(
        'INTERNAL',
        `payload ${role} can't be opened: payloads are read once, in order, before the next sample`,
      )
    }
    this.#reading = true
    await this.#skipTo(index)
    let remaining = this.#size
    const ended = async () => {
      await this.#finish()
      this.#reading = false
    }
    if (remaining === 0) {
      await ended()
      return new ReadableStream({ start: (controller) => controller.close() })
    }
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.#frames.some(remaining)
          remaining -= chunk.byteLength
          controller.enqueue(chunk)
          if (remaining > 0) return
          await ended()
          controller.close()
        },
        cancel: async () => {
          await this.#frames.skip(remaining)
          await ended()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Skips whole payloads until the header of the one at `index` has been read. */
  async #skipTo(index: number): Promise<void> {
    while (this.#next < index) {
      await this.#ensureHeader()
      await this.#frames.skip(this.#size)
      await this.#finish()
    }
    if (index < this.#roles.length) await this.#ensureHeader()
  }

  #headerRead = false

  async #ensureHeader(): Promise<void> {
    if (!this.#headerRead) await this.#readHeader()
  }

  async #readHeader(): Promise<void> {
    const role = this.#roles[this.#next]
    const header = await this.#frames.header()
    const payload = 'payload' in header ? (header.payload as Record<string, unknown> | null) : null
    const size = payload?.size
    if (
      payload?.role !== role ||
      typeof size !== 'number' ||
      !Number.isSafeInteger(size) ||
      size < 0
    ) {
      throw this.#frames.malformed(`the payload ${role} with its size should stand here`)
    }
    this.#size = size
    this.#headerRead = true
  }

  async #finish(): Promise<void> {
    await this.#frames.lineEnd()
    this.#headerRead = false
    this.#next += 1
  }
}

/** Reads lines and counted bytes from a stream, whatever its chunks are. */
class FrameReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)
  #offset = 0
  #ended = false
  /** Headers read so far; errors name the last one. */
  count = 0

  constructor(stream: ByteStream) {
    this.#reader = stream.getReader()
  }

  async header(): Promise<Record<string, unknown>> {
    this.count += 1
    const line = await this.#line()
    let header: unknown
    try {
      header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
    } catch (cause) {
      throw this.malformed(`no JSON in UTF-8: ${errorMessage(cause)}`, cause)
    }
    if (typeof header !== 'object' || header === null) throw this.malformed('no JSON object')
    return header as Record<string, unknown>
  }

  async end(end: unknown, samples: number): Promise<void> {
    const sent = (end as { samples?: unknown } | null)?.samples
    if (sent !== samples) throw this.malformed(`${samples} samples came, but the end says ${sent}`)
    if (await this.#fill()) throw this.malformed('bytes follow the end')
  }

  async bytes(size: number): Promise<Bytes> {
    const bytes = new Uint8Array(size)
    for (let filled = 0; filled < size; ) {
      const part = await this.some(size - filled)
      bytes.set(part, filled)
      filled += part.byteLength
    }
    return bytes
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0; ) left -= (await this.some(left)).byteLength
  }

  /** At least one byte, at most `limit`. */
  async some(limit: number): Promise<Uint8Array> {
    if (!(await this.#fill())) throw this.malformed('the body was cut off within a payload')
    const part = this.#chunk.subarray(this.#offset, this.#offset + limit)
    this.#offset += part.byteLength
    return part
  }

  async lineEnd(): Promise<void> {
    if (!(await this.#fill())) throw this.malformed('the body was cut off after a payload')
    if (this.#chunk[this.#offset] !== lineFeed) {
      throw this.malformed('no line feed after a payload; its size is wrong')
    }
    this.#offset += 1
  }

  async cancel(): Promise<void> {
    if (!this.#ended) await this.#reader.cancel().catch(() => {})
  }

  malformed(why: string, cause?: unknown): MindtraceError {
    return new MindtraceError('INVALID_INPUT', `ingest frame ${this.count}: ${why}`, {
      details: { frame: this.count },
      ...(cause === undefined ? {} : { cause }),
    })
  }

  async #line(): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for (let size = 0; ; ) {
      if (!(await this.#fill())) throw this.malformed('the body was cut off')
      const at = this.#chunk.indexOf(lineFeed, this.#offset)
      const end = at === -1 ? this.#chunk.byteLength : at
      const part = this.#chunk.subarray(this.#offset, end)
      size += part.byteLength
      if (size > maxLineBytes) throw this.malformed(`a line of more than ${maxLineBytes} bytes`)
      this.#offset = at === -1 ? end : end + 1
      if (at !== -1 && parts.length === 0) return part
      parts.push(part)
      if (at !== -1) return joined(parts, size)
    }
  }

  /** Makes sure that there is a byte to read; false at the end of the stream. */
  async #fill(): Promise<boolean> {
    while (this.#offset === this.#chunk.byteLength) {
      if (this.#ended) return false
      const next = await this.#reader.read()
      if (next.done) {
        this.#ended = true
        return false
      }
      this.#chunk = next.value
      this.#offset = 0
    }
    return true
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}
