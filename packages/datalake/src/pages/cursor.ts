import { createHash } from 'node:crypto'
import { type Instant, MindtraceError, parseInstant } from '@mindtrace/core'
import { z } from 'zod'
import { pythonJson } from './python-json.ts'

/*
 * Cursors are the reference's, byte for byte, and unsigned as its are: services of both kinds may stand
 * behind one address, and a client must be able to go on at either. They are safe without a signature
 * because they are read by a strict schema and can only move a caller within what it may list anyway.
 */

const dateTag = '__mindtrace_type__'

const Tagged = z.strictObject({ [dateTag]: z.literal('datetime'), value: z.string().max(40) })
const TaggedInstant = Tagged.transform(({ value }) => parseInstant(value))
const TaggedCutoff = Tagged.transform(({ value }) => withMicroseconds(value))

const Envelope = z.object({
  resource: z.string(),
  sort: z.string(),
  filter_fingerprint: z.string(),
  last_key: z.record(z.string(), z.union([z.string(), z.int(), z.null(), TaggedInstant])),
  snapshot_token: z.string().nullable(),
})

const Snapshot = z.object({
  kind: z.literal('temporal_cutoff'),
  resource: z.string(),
  field: z.string(),
  cutoff: TaggedCutoff,
})

const maxCursorCharacters = 4096

/** What a cursor belongs to; it is refused anywhere else. */
export interface CursorScope {
  readonly resource: string
  readonly sort: string
  readonly filterFingerprint: string
  /** The field that hides what is newer than the first page; null where nothing can be newer. */
  readonly timeField: string | null
}

/** Where a page ended. */
export interface CursorPosition {
  readonly lastKey: Readonly<Record<string, string | number | null>>
  /**
   * What is newer than this does not belong to the listing; null without a time field. One that came from
   * the reference keeps its microseconds, so that it goes on unchanged.
   */
  readonly cutoff: Instant | null
}

/** SHA-1 of the filters as sorted compact JSON: it only tells one listing from another. */
export function filterFingerprint(filters: unknown): string {
  return createHash('sha1').update(pythonJson(filters, 'compact')).digest('hex')
}

/** The text that leads from this position on. `instantFields` are those of the key that hold instants. */
export function encodeCursor(
  scope: CursorScope,
  position: CursorPosition,
  instantFields: readonly string[],
): string {
  const lastKey = Object.fromEntries(
    Object.entries(position.lastKey).map(([field, value]) => [
      field,
      instantFields.includes(field) && typeof value === 'string'
        ? { [dateTag]: 'datetime', value: pythonInstant(value) }
        : value,
    ]),
  )
  const snapshot =
    scope.timeField === null || position.cutoff === null
      ? null
      : pythonJson(
          {
            cutoff: { [dateTag]: 'datetime', value: `${pythonInstant(position.cutoff)}+00:00` },
            field: scope.timeField,
            kind: 'temporal_cutoff',
            resource: scope.resource,
          },
          'compact',
        )
  const envelope = {
    resource: scope.resource,
    sort: scope.sort,
    filter_fingerprint: scope.filterFingerprint,
    last_key: lastKey,
    snapshot_token: snapshot,
  }
  return Buffer.from(pythonJson(envelope, 'spaced')).toString('base64url')
}

/**
 * Reads a cursor of ours or of the reference.
 *
 * @throws {@link MindtraceError} `INVALID_CURSOR` when it is unreadable or belongs to another listing.
 */
export function decodeCursor(text: string, scope: CursorScope, now: Instant): CursorPosition {
  if (text.length > maxCursorCharacters) throw invalid('it is too long')
  const envelope = read(Envelope, Buffer.from(text, 'base64url').toString())
  const belongs: readonly [string, string, string][] = [
    ['resource', envelope.resource, scope.resource],
    ['sort', envelope.sort, scope.sort],
    ['filter', envelope.filter_fingerprint, scope.filterFingerprint],
  ]
  for (const [what, found, wanted] of belongs) {
    if (found !== wanted) throw invalid(`it was made for another ${what}`)
  }
  if (scope.timeField === null) return { lastKey: envelope.last_key, cutoff: null }
  if (envelope.snapshot_token === null) throw invalid('its snapshot token is missing')
  const snapshot = read(Snapshot, envelope.snapshot_token)
  if (snapshot.resource !== scope.resource || snapshot.field !== scope.timeField) {
    throw invalid('its snapshot token was made for another resource')
  }
  return { lastKey: envelope.last_key, cutoff: snapshot.cutoff < now ? snapshot.cutoff : now }
}

function read<Schema extends z.ZodType>(schema: Schema, json: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(json))
  } catch (cause) {
    throw invalid('it is not readable', cause)
  }
}

function invalid(reason: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'INVALID_CURSOR',
    `Invalid pagination request. The cursor can't be used: ${reason}; begin again without one`,
    { cause },
  )
}

/** Python's `isoformat`: six digits of the second, or none when they are zero, and no zone. */
function pythonInstant(instant: Instant): string {
  const fraction = instant.slice(20, -1).padEnd(6, '0')
  return fraction === '000000' ? instant.slice(0, 19) : `${instant.slice(0, 19)}.${fraction}`
}

/** The instant in UTC with the microseconds of its text, which {@link parseInstant} cuts off. */
function withMicroseconds(text: string): Instant {
  const digits = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? ''
  const instant = parseInstant(text)
  return /[1-9]/.test(digits) ? `${instant.slice(0, -1)}${digits.padEnd(3, '0')}Z` : instant
}
