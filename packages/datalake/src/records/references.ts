import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { Repository } from '@mindtrace/database'

/**
 * Makes sure that every id exists, by one batched look-up, and still does when the transaction ends.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` that names the first missing ids and counts all.
 */
export async function requireAll<T extends object, I>(
  repository: Repository<T, I>,
  what: string,
  keyField: keyof T & string,
  ids: readonly string[],
  options: CallOptions,
): Promise<void> {
  if (ids.length === 0) return
  const found = await repository.getMany(ids, { ...options, fields: [keyField], hold: true })
  const missing = [...new Set(ids)].filter((id) => !found.has(id))
  if (missing.length > 0) throw notFound(what, keyField, missing)
}

/** The error for records that do not exist. */
export function notFound(what: string, field: string, ids: readonly string[]): MindtraceError {
  const named = ids.slice(0, 5).map((id) => `'${id}'`)
  const more = ids.length > named.length ? ` and ${ids.length - named.length} more` : ''
  return new MindtraceError(
    'NOT_FOUND',
    `${what} with ${field} ${named.join(', ')}${more} not found`,
    {
      details: { [field]: ids.length === 1 ? ids[0] : ids.slice(0, 100) },
    },
  )
}
