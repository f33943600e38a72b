import { MindtraceError } from './errors.ts'

/**
 * An instant as text: UTC, milliseconds, `2026-11-24T15:38:19.123Z`. 24 characters for the years 0 to
 * 9999, so the order of texts is the order of times. Code, JSON and SQLite use this one form; a driver
 * whose database has a date type converts at its edge.
 */
export type Instant = string

const zoned = /(?:z|[+-]\d{2}:?\d{2})$/i
const isoLike =
  /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:z|[+-]\d{2}:?\d{2})?)?$/i

/** The instant of a `Date`. */
export function toInstant(date: Date): Instant {
  return date.toISOString()
}

/**
 * Reads ISO 8601 text, with or without a zone: text without one is UTC, as the Python service writes it.
 * A date alone is its midnight. Microseconds are cut to milliseconds, as MongoDB does.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when the text is no instant.
 */
export function parseInstant(text: string): Instant {
  if (text.length === 24 && text.endsWith('Z') && isoLike.test(text)) {
    const date = new Date(text)
    if (!Number.isNaN(date.getTime())) return text
  }
  if (isoLike.test(text)) {
    const withTime = text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T')
    const date = new Date(zoned.test(withTime) && text.length > 10 ? withTime : `${withTime}Z`)
    if (!Number.isNaN(date.getTime())) return toInstant(date)
  }
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${text.slice(0, 64)}' is no instant: use ISO 8601, for example 2026-11-24T15:38:19.123Z`,
  )
}
