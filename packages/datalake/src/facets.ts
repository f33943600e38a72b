import { facets } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import type { Filter } from '@mindtrace/database'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'

/** How many documents there are of each value. */
export function facetHandlers(parts: LakeParts) {
  const listings = Object.values(listingsOf(parts))
  return {
    'lake.facets': async ({ resource, by, filters, limit }, options) => {
      const known: readonly string[] = facets[resource]
      const repository = listings.find((listing) => listing.resource === resource)?.repository
      if (!known.includes(by) || repository === undefined) {
        throw new MindtraceError(
          'QUERY_NOT_SUPPORTED',
          `${resource} are not counted by '${by.slice(0, 100)}': use one of ${known.join(', ')}`,
          { details: { path: by.slice(0, 100), known } },
        )
      }
      const counts = await repository.countBy(by, (filters ?? {}) as Filter, options)
      const values = [...counts].map(([value, count]) => ({
        value: value === null ? null : String(value),
        count,
      }))
      values.sort((a, b) => b.count - a.count || ((a.value ?? '') < (b.value ?? '') ? -1 : 1))
      return {
        values: values.slice(0, limit),
        distinct: values.length,
        total: values.reduce((sum, { count }) => sum + count, 0),
      }
    },
  } satisfies Handlers
}
