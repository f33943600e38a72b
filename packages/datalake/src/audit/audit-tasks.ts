import { MindtraceError } from '@mindtrace/core'
import type { Filter, Keyset } from '@mindtrace/database'
import type { Handlers, LakeParts } from '../lake-parts.ts'

const sort = ['-at', '-audit_id'] as const

/** The audit log, for those who may read it. */
export function auditHandlers({ records }: LakeParts) {
  return {
    'audit.list': async ({ limit, cursor, actor, task, outcome, since, until }, options) => {
      const conditions: Filter[] = []
      if (actor !== null) conditions.push({ actor })
      if (task !== null) conditions.push({ task })
      if (outcome !== null) conditions.push({ outcome })
      if (since !== null) conditions.push({ at: { $gte: since } })
      if (until !== null) conditions.push({ at: { $lt: until } })
      const found = await records.auditEntries.find(
        conditions.length === 0 ? {} : { $and: conditions },
        {
          ...options,
          sort,
          limit: limit + 1,
          ...(cursor === null ? {} : { after: placeOf(cursor) }),
        },
      )
      const entries = found.slice(0, limit).map(({ _id, ...entry }) => entry)
      const last = entries.at(-1)
      return {
        entries,
        next: found.length > limit && last !== undefined ? `${last.at} ${last.audit_id}` : null,
      }
    },
  } satisfies Handlers
}

function placeOf(cursor: string): Keyset {
  const [, at, audit_id] = /^(\S+) (\S+)$/.exec(cursor) ?? []
  if (at !== undefined && audit_id !== undefined) return { at, audit_id }
  throw new MindtraceError('INVALID_CURSOR', 'cursor is not one that audit.list gave')
}
