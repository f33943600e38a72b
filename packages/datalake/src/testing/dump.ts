import type { Database } from '@mindtrace/database'
import { lakeCollections } from '../records/records.ts'

const timeFields = new Set([
  'created_at',
  'updated_at',
  'added_at',
  'payload_verified_at',
  'payload_status_updated_at',
])

/**
 * Everything in a lake's database by collection, without times, and with random ids replaced by their
 * first appearance: two lakes in the same state have the same dump.
 */
export async function dumpOf(database: Database): Promise<Record<string, unknown[]>> {
  const ids = new Map<string, string>()
  const dump: Record<string, unknown[]> = {}
  for (const collection of lakeCollections) {
    const documents = await database.repository(collection).find({})
    dump[collection.name] = documents.map(({ _id, ...document }) => plain(document, ids))
  }
  return dump
}

function plain(value: unknown, ids: Map<string, string>): unknown {
  if (typeof value === 'string') return /^\w+_[0-9a-f]{32}$/.test(value) ? idOf(value, ids) : value
  if (Array.isArray(value)) return value.map((one) => plain(one, ids))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([field]) => !timeFields.has(field))
      .map(([field, one]) => [field, plain(one, ids)]),
  )
}

function idOf(id: string, ids: Map<string, string>): string {
  const known = ids.get(id) ?? `${id.slice(0, -33)}#${ids.size + 1}`
  ids.set(id, known)
  return known
}
