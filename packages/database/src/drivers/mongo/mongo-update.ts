import type { ParsedChange } from '../../change.ts'
import type { DocumentCodec } from './document-codec.ts'

/** A change in MongoDB's own words. It names the changed fields only: what else a document holds stays. */
export function mongoUpdate(
  change: ParsedChange,
  codec: DocumentCodec,
): Record<string, Record<string, unknown>> {
  const operators = {
    $set: encoded(change.set, codec),
    $addToSet: Object.fromEntries(
      Object.entries(encoded(change.add, codec)).map(([field, $each]) => [field, { $each }]),
    ),
    $pullAll: encoded(change.remove, codec),
    $inc: Object.fromEntries(change.inc),
  }
  const used = Object.entries(operators).filter(([, fields]) => Object.keys(fields).length > 0)
  // An update must have an operator, also where nothing changes.
  return used.length === 0 ? { $set: {} } : Object.fromEntries(used)
}

function encoded(
  values: ReadonlyMap<string, unknown>,
  codec: DocumentCodec,
): Record<string, unknown> {
  return Object.fromEntries(
    [...values].map(([field, value]) => [field, codec.encodeField(field, value)]),
  )
}
