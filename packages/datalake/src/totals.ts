import type { LakeStats } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Records } from './records/records.ts'

/** What the records of a lake come to. */
export type Totals = Pick<
  LakeStats,
  'counts' | 'payload_bytes' | 'asset_kinds' | 'payload_statuses'
>

/** The nine collections that `summary` counts, in its order. */
const counted = [
  ['assets', 'assets'],
  ['collections', 'collections'],
  ['collection_items', 'collectionItems'],
  ['asset_retentions', 'assetRetentions'],
  ['annotation_schemas', 'annotationSchemas'],
  ['annotation_sets', 'annotationSets'],
  ['annotation_records', 'annotationRecords'],
  ['datums', 'datums'],
  ['dataset_versions', 'datasetVersions'],
] as const

/** How many documents each collection has. */
export async function countsOf(
  records: Records,
  options: CallOptions,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [name, key] of counted) counts[name] = await records[key].count({}, options)
  return counts
}

/** The totals as the database works them out: kept nowhere, so that they can't drift (decision 0012). */
export async function totalsOf(records: Records, options: CallOptions): Promise<Totals> {
  const { assets } = records
  const [counts, payload_bytes, kinds, statuses] = await Promise.all([
    countsOf(records, options),
    payloadBytes(records, {}, options),
    assets.countBy('kind', {}, options),
    assets.countBy('payload_status', {}, options),
  ])
  return {
    counts,
    payload_bytes,
    asset_kinds: byName(kinds),
    payload_statuses: byName(statuses),
  }
}

/** The bytes of the payloads of some assets: as they lie there, or else as they were declared. */
export async function payloadBytes(
  { assets }: Records,
  filter: { readonly asset_id?: { readonly $in: readonly string[] } },
  options: CallOptions,
): Promise<number> {
  const [stored, declared] = await Promise.all([
    assets.sum('payload_size_bytes', filter, options),
    assets.sum('size_bytes', { ...filter, payload_size_bytes: null }, options),
  ])
  return stored + declared
}

/** What all repositories have in common here. */
interface Streaming {
  stream(filter: object, options: CallOptions & { readonly fields: [] }): AsyncIterable<unknown>
}

/** The totals from the documents themselves, read one by one. Takes its time. */
export async function recountedTotals(records: Records, options: CallOptions): Promise<Totals> {
  const counts: Record<string, number> = {}
  for (const [name, key] of counted.slice(1)) {
    const collection: Streaming = records[key]
    let count = 0
    for await (const _ of collection.stream({}, { ...options, fields: [] })) count += 1
    counts[name] = count
  }
  const kinds = new Map<string, number>()
  const statuses = new Map<string, number>()
  const fields = ['kind', 'payload_status', 'payload_size_bytes', 'size_bytes'] as const
  let [assets, payload_bytes] = [0, 0]
  for await (const asset of records.assets.stream({}, { ...options, fields })) {
    assets += 1
    payload_bytes += asset.payload_size_bytes ?? asset.size_bytes ?? 0
    addOne(kinds, asset.kind)
    addOne(statuses, asset.payload_status)
  }
  return {
    counts: { assets, ...counts },
    payload_bytes,
    asset_kinds: byName(kinds),
    payload_statuses: byName(statuses),
  }
}

/** Where the totals of the database are others than those of the documents, by name. */
export function differencesOf(totals: Totals, recounted: Totals): Map<string, string> {
  const [said, found] = [flat(totals), flat(recounted)]
  const names = [...new Set([...said.keys(), ...found.keys()])]
  return new Map(
    names
      .filter((name) => (said.get(name) ?? 0) !== (found.get(name) ?? 0))
      .map((name) => [
        name,
        `the database says ${said.get(name) ?? 0}, its documents give ${found.get(name) ?? 0}`,
      ]),
  )
}

function flat(totals: Totals): Map<string, number> {
  return new Map(
    Object.entries(totals).flatMap(([name, value]) =>
      typeof value === 'number'
        ? [[name, value] as const]
        : Object.entries(value).map(([of, count]) => [`${name}.${of}`, count] as const),
    ),
  )
}

function addOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function byName(counts: ReadonlyMap<unknown, number>): Record<string, number> {
  return Object.fromEntries([...counts].map(([name, count]) => [String(name), count]))
}
