import { parseInstant } from '@mindtrace/core'
import { z } from 'zod'

/**
 * An instant: ISO 8601 text, with any offset or none (none is UTC, as the Python service writes it),
 * normalised to UTC with milliseconds and `Z`.
 */
export function instant() {
  return z.iso.datetime({ offset: true, local: true, abort: true }).overwrite(parseInstant)
}

/** A nullable field that may be left out: absent and null are the same on the wire. */
export function nullable<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullable().default(null)
}

/** A free-form JSON object. */
export function jsonObject() {
  return z.record(z.string(), z.unknown())
}

/**
 * The database's own id of a stored document: 24 hex digits, or null in a document that was never
 * stored. It is emitted as `_id`; what a caller sends is ignored, so anything is accepted.
 */
export function objectIdHex() {
  return z.string().nullable().catch(null)
}
