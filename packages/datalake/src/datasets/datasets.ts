import type { DatasetStats, DatasetSummary } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import type { Records } from '../records/records.ts'
import { payloadBytes } from '../totals.ts'
import type { Manifests } from './manifests.ts'

/** Datasets as wholes: what exists, and what is in a version. */
export function datasetHandlers({ records }: LakeParts, manifests: Manifests) {
  return {
    'datasets.list': async ({ limit, after }, options) => {
      const datasets: DatasetSummary[] = []
      let name = after
      while (datasets.length < limit) {
        const summary = await nextDataset(records, manifests, name, options)
        if (summary === undefined) return { datasets, next: null }
        name = summary.dataset_name
        datasets.push(summary)
      }
      const more = await records.datasetVersions.exists({ dataset_name: { $gt: name } }, options)
      return { datasets, next: more ? name : null }
    },
    'datasets.stats': ({ dataset_name, version }, options) =>
      datasetStats(records, manifests, dataset_name, version, options),
  } satisfies Handlers
}

/** The dataset whose name follows, with all of its versions looked at. */
async function nextDataset(
  records: Records,
  manifests: Manifests,
  after: string | null,
  options: CallOptions,
): Promise<DatasetSummary | undefined> {
  const [first] = await records.datasetVersions.find(
    after === null ? {} : { dataset_name: { $gt: after } },
    {
      ...options,
      sort: ['dataset_name', '-version', '-dataset_version_id'],
      limit: 1,
      fields: ['dataset_name'],
    },
  )
  if (first === undefined) return undefined
  const { dataset_name } = first
  const versions = await records.datasetVersions.find(
    { dataset_name },
    { ...options, fields: ['dataset_version_id', 'version', 'created_at'] },
  )
  versions.sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0))
  const latest = versions.at(-1)
  const oldest = versions[0]
  if (latest === undefined || oldest === undefined) return undefined
  return {
    dataset_name,
    latest_version: latest.version,
    versions: versions.length,
    datums: (await manifests.open(latest.dataset_version_id, options)).size,
    created_at: oldest.created_at,
    updated_at: latest.created_at,
  }
}

const chunk = 500
const idsAtOnce = 4000

async function datasetStats(
  records: Records,
  manifests: Manifests,
  dataset_name: string,
  version: string,
  options: CallOptions,
): Promise<DatasetStats> {
  const head = await manifests.head(dataset_name, version, options)
  const manifest = await manifests.open(head.dataset_version_id, options)
  const assetIds = new Set<string>()
  const seenSets = new Set<string>()
  const splits = new Counter()
  const labels = new Counter()
  const kinds = new Counter()
  const total = { datums: 0, payload_bytes: 0, annotation_sets: 0, annotation_records: 0 }
  for (let from = 0; from < manifest.size; from += chunk) {
    options.signal?.throwIfAborted()
    const ids = await manifest.slice(from, from + chunk, options)
    const datums = await records.datums.getMany(ids, {
      ...options,
      fields: ['split', 'asset_refs', 'annotation_set_ids'],
    })
    const newAssets: string[] = []
    const setIds: string[] = []
    for (const datum of datums.values()) {
      total.datums += 1
      splits.add(datum.split ?? 'none')
      setIds.push(...firstTime(seenSets, datum.annotation_set_ids))
      newAssets.push(...firstTime(assetIds, Object.values(datum.asset_refs)))
    }
    for (const ids of partsOf(newAssets)) {
      total.payload_bytes += await payloadBytes(records, { asset_id: { $in: ids } }, options)
    }
    const sets = await records.annotationSets.getMany(setIds, {
      ...options,
      fields: ['annotation_record_ids'],
    })
    total.annotation_sets += sets.size
    const recordIds = new Set([...sets.values()].flatMap((set) => set.annotation_record_ids))
    for (const ids of partsOf([...recordIds])) {
      const among = { annotation_id: { $in: ids } }
      const byLabel = await records.annotationRecords.countBy('label', among, options)
      for (const [label, count] of byLabel) labels.add(String(label), count)
      const byKind = await records.annotationRecords.countBy('kind', among, options)
      for (const [kind, count] of byKind) {
        total.annotation_records += count
        kinds.add(String(kind), count)
      }
    }
  }
  return {
    dataset_name,
    version,
    ...total,
    assets: assetIds.size,
    splits: splits.counts(),
    labels: labels.counts(),
    kinds: kinds.counts(),
  }
}

/** Ids in numbers that one filter takes. */
function* partsOf(ids: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < ids.length; from += idsAtOnce) yield ids.slice(from, from + idsAtOnce)
}

/** The ids that were not seen before; from now on they were. */
function firstTime(seen: Set<string>, ids: readonly string[]): string[] {
  return ids.filter((id) => !seen.has(id) && seen.add(id))
}

/** Counts of names, the most frequent first. */
class Counter {
  readonly #counts = new Map<string, number>()

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
  }
}
