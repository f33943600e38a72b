import {
  type ByteStream,
  chunksOf,
  type ErrorCode,
  errorCodes,
  errorMessage,
  MindtraceError,
} from '@mindtrace/core'
import { cursorAfter, type PlacedRow, type Rows } from './rows.ts'

/**
 * How rows travel: a JSON object a line, each line one of
 *
 *     {"asset_id":…}                        a row, as the page task has it
 *     {"$cursor":"eyJ…"}                    leads on after the row before it; follows the first row and every 500th
 *                                           (each row of a view), and the last one
 *     {"$end":{"rows":1234}}                the last line of a stream that is whole
 *     {"$error":{"code":"…","detail":…}}    the last line of one that broke off
 *
 * A stream without one of the last two was cut on the way. No row has a field that begins with `$`.
 */

/** Media type of a body of rows. */
export const rowLinesType = 'application/x-ndjson'

/** What is told of an error, as the body and the headers of a failed request have it. */
export interface ToldError {
  readonly code: ErrorCode
  readonly detail: unknown
  readonly details?: unknown
}

const rowsBetweenCursors = 500
/** So much text is sent at once: a chunk of a few bytes costs as much as a large one. */
const chunkCharacters = 64 * 1024
/** A document has at most 16 MiB; as JSON with every character escaped it can be some times as much. */
const maxLineBytes = 128 * 1024 * 1024

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The rows as lines. They are read no faster than the stream is, and left when it is cancelled. What they throw becomes
 * the last line, as `tell` puts it.
 */
export function encodeRowLines(
  rows: Rows<object>,
  tell: (error: unknown) => ToldError | Promise<ToldError>,
): ByteStream {
  const lines = rowLines(rows, tell)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let text = ''
        while (text.length < chunkCharacters) {
          const next = await lines.next()
          if (next.done) {
            if (text !== '') controller.enqueue(encoder.encode(text))
            controller.close()
            return
          }
          text += next.value
        }
        controller.enqueue(encoder.encode(text))
      },
      async cancel() {
        await lines.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

async function* rowLines(
  rows: Rows<object>,
  tell: (error: unknown) => ToldError | Promise<ToldError>,
): AsyncGenerator<string> {
  let count = 0
  let told = 0
  let isMovable = true
  const cursor = (at: string) => {
    told = count
    return `{"$cursor":${JSON.stringify(at)}}\n`
  }
  try {
    for await (const row of rows) {
      count += 1
      yield `${JSON.stringify(row)}\n`
      if (count === 1) {
        const first = rows.cursor as string
        isMovable = cursorAfter(first, row) !== undefined
        yield cursor(first)
      } else if (!isMovable || count - told >= rowsBetweenCursors) {
        yield cursor(rows.cursor as string)
      }
    }
    if (count > told) yield cursor(rows.cursor as string)
    yield `{"$end":{"rows":${count}}}\n`
  } catch (error) {
    if (count > told) yield cursor(rows.cursor as string)
    yield `{"$error":${JSON.stringify(await tell(error))}}\n`
  }
}

/**
 * The rows of a stream of lines, each given out when the cursor that may follow it is known.
 *
 * @throws {@link MindtraceError} what the last line tells; `UNAVAILABLE` with `is_cut` in its details when there is no
 * last line; `CORRUPT` for what is no line of rows; and what the stream fails with.
 */
export async function* decodeRowLines<Row extends object>(
  body: ByteStream,
  what: string,
  parseRow: (value: object) => Row,
): AsyncGenerator<PlacedRow<Row>> {
  let held: Row | undefined
  let cursor: string | undefined
  let rows = 0
  for await (const line of linesOf(body, what)) {
    const value = parseLine(line, what)
    const given = typeof value.$cursor === 'string' ? value.$cursor : undefined
    if (held !== undefined) {
      const [row, at] = [held, given ?? cursor]
      if (at === undefined) throw new MindtraceError('CORRUPT', `${what}: a row has no cursor`)
      held = undefined
      yield { row, cursor: () => (given === undefined ? cursorAfter(at, row) : at) ?? at }
    }
    cursor = given ?? cursor
    if (given !== undefined) continue
    if ('$end' in value) {
      const sent = (value.$end as { readonly rows?: unknown } | null)?.rows
      if (sent === rows) return
      throw new MindtraceError('CORRUPT', `${what}: ${rows} rows came, the end says ${sent}`)
    }
    if ('$error' in value) throw toldError(value.$error, what)
    held = parseRow(value)
    rows += 1
  }
  throw new MindtraceError(
    'UNAVAILABLE',
    `${what}: the stream was cut off after ${rows} rows; the cursor leads on`,
    { details: { is_cut: true } },
  )
}

async function* linesOf(body: ByteStream, what: string): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(body)) {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at)
      yield decodeLine(parts.length === 0 ? end : joined([...parts, end]), what)
      parts = []
      size = 0
      from = at + 1
    }
    if (from === chunk.byteLength) continue
    parts.push(chunk.subarray(from))
    size += chunk.byteLength - from
    if (size > maxLineBytes) {
      throw new MindtraceError('CORRUPT', `${what}: a line has more than ${maxLineBytes} bytes`)
    }
  }
}

function decodeLine(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new MindtraceError('CORRUPT', `${what}: a line is not UTF-8`, { cause })
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}

function parseLine(line: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new MindtraceError(
      'CORRUPT',
      `${what}: a line is no JSON (${errorMessage(cause)}); is there a Mindtrace service at this address?`,
      { cause },
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw new MindtraceError('CORRUPT', `${what}: a line is no JSON object`)
}

function toldError(told: unknown, what: string): MindtraceError {
  const { code, detail, details } = (told ?? {}) as Partial<Record<keyof ToldError, unknown>>
  const known = errorCodes.find((one) => one === code) ?? 'INTERNAL'
  const message = typeof detail === 'string' ? detail : `${what}: the service broke off`
  return new MindtraceError(known, message, {
    details: {
      ...(typeof details === 'object' && details !== null ? details : {}),
      ...(typeof detail === 'string' || detail === undefined ? {} : { detail }),
    },
  })
}
