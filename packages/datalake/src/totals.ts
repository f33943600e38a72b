import type { LakeStats } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import { type Collection, type Filter, type Scalar, valueAt } from '@mindtrace/database'
import { listingsOf } from './listings.ts'
import type { Records } from './records/records.ts'

/** What the records of a lake come to. */
export type Totals = Pick<
  LakeStats,
  'counts' | 'payload_bytes' | 'asset_kinds' | 'payload_statuses'
>

/** How many documents each of the nine listable resources has. */
export async function countsOf(
  records: Records,
  options: CallOptions,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { resource, repository } of countingsOf(records)) {
    counts[resource] = await repository.count({}, options)
  }
  return counts
}

/** The totals as the database has them, see decision 0012. */
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
interface CountingRepository {
  count(filter: Filter, options: CallOptions): Promise<number>
  countBy(path: string, filter: Filter, options: CallOptions): Promise<ReadonlyMap<Scalar, number>>
  /** Each has fields of its own: which they are is not told to the compiler. */
  stream(
    filter: Filter,
    options: CallOptions & { readonly fields: readonly never[] },
  ): AsyncIterable<object>
}

interface Counting {
  readonly resource: string
  readonly collection: Pick<Collection, 'counted'>
  readonly repository: CountingRepository
}

function countingsOf(records: Records): readonly Counting[] {
  return Object.values(listingsOf({ records }))
}

/** Numbers by what they count: `counts.assets`, `annotation_records.label = "car"`, `payload_bytes`. */
type Figures = ReadonlyMap<string, number>

/** All that a database may keep or take from an index instead of reading documents, as it says. */
export async function saidFigures(records: Records, options: CallOptions): Promise<Figures> {
  const figures = new Map<string, number>()
  for (const { resource, collection, repository } of countingsOf(records)) {
    figures.set(`counts.${resource}`, await repository.count({}, options))
    for (const { text } of collection.counted) {
      for (const [value, count] of await repository.countBy(text, {}, options)) {
        figures.set(figureName(resource, text, value), count)
      }
    }
  }
  return figures.set('payload_bytes', await payloadBytes(records, {}, options))
}

/** The same from the documents themselves, read one by one. Takes its time. */
export async function recountedFigures(records: Records, options: CallOptions): Promise<Figures> {
  const figures = new Map<string, number>()
  const add = (name: string, amount: number) => figures.set(name, (figures.get(name) ?? 0) + amount)
  for (const { resource, collection, repository } of countingsOf(records)) {
    const sizes = resource === 'assets' ? ['payload_size_bytes', 'size_bytes'] : []
    const firsts = collection.counted.map(({ segments }) => segments[0] as string)
    const fields = [...new Set([...firsts, ...sizes])] as never[]
    for await (const document of repository.stream({}, { ...options, fields })) {
      add(`counts.${resource}`, 1)
      for (const { text, segments } of collection.counted) {
        add(figureName(resource, text, (valueAt(document, segments) ?? null) as Scalar), 1)
      }
      const [stored, declared] = sizes.map((field) => Reflect.get(document, field))
      if (resource === 'assets') add('payload_bytes', Number(stored ?? declared ?? 0))
    }
  }
  return figures
}

/** Where figures differ, by their names. */
export function differencesOf(said: Figures, recounted: Figures): Map<string, string> {
  const names = [...new Set([...said.keys(), ...recounted.keys()])]
  return new Map(
    names
      .filter((name) => (said.get(name) ?? 0) !== (recounted.get(name) ?? 0))
      .map((name) => [
        name,
        `the database says ${said.get(name) ?? 0}, its documents give ${recounted.get(name) ?? 0}`,
      ]),
  )
}

function figureName(collection: string, path: string, value: Scalar): string {
  return `${collection}.${path} = ${JSON.stringify(value)}`
}

function byName(counts: ReadonlyMap<unknown, number>): Record<string, number> {
  return Object.fromEntries([...counts].map(([name, count]) => [String(name), count]))
}
