import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { Filter, Stored } from '@mindtrace/database'
import type { LakeParts } from '../lake-parts.ts'
import type { Listing } from './page.ts'

const warned = new WeakMap<LakeParts, Set<string>>()

/**
 * Every row that a filter means, in the order of insertion, under the lake's policy for slow operations.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when the policy forbids it, `QUERY_NOT_SUPPORTED`.
 */
export async function listAll<T extends object, I>(
  parts: LakeParts,
  listing: Listing<T, I>,
  filters: Readonly<Record<string, unknown>> | null,
  options: CallOptions,
): Promise<Stored<T>[]> {
  guardEagerList(parts, listing.resource)
  return await listing.repository.find<keyof T>((filters ?? {}) as Filter, options)
}

/** Applies the policy to an eager list before it queries: once a lake and method for a warning. */
export function guardEagerList(parts: LakeParts, resource: string): void {
  const { slowOperations } = parts.settings
  if (slowOperations === 'allow') return
  const method = `list_${resource}()`
  const advice = `${method} reads everything at once; use list_${resource}_page() or the list_page task`
  if (slowOperations === 'forbid') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `The slow-operation policy of this lake forbids eager list endpoints: ${advice}`,
      { details: { policy: slowOperations, operation: method } },
    )
  }
  const seen = warned.get(parts) ?? new Set()
  warned.set(parts, seen)
  if (seen.has(method)) return
  seen.add(method)
  parts.log.warn({ operation: method }, `slow operation: ${advice}`)
}
