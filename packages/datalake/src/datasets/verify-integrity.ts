import type { Datum, ParsedInput, TaskOutput } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, mapBounded } from '@mindtrace/core'
import { payloadRef } from '../assets.ts'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import { versionOf } from '../objects.ts'
import type { Records } from '../records/records.ts'
import type { Manifests } from './manifests.ts'

type Request = ParsedInput<'dataset_versions.verify_integrity'>
type Report = TaskOutput<'dataset_versions.verify_integrity'>
type Counter = Exclude<
  { [Name in keyof Report]: Report[Name] extends number ? Name : never }[keyof Report],
  'manifest_count' | 'resolved_manifest_count'
>

const datumsAtOnce = 1000
const parallelLooks = 8

/** The counter of each kind of sample, which names what is wrong. */
const counters = {
  missing_manifest_datum: 'missing_manifest_datum_count',
  missing_asset: 'missing_asset_count',
  missing_annotation_set: 'missing_annotation_set_count',
  missing_annotation_record: 'missing_annotation_record_count',
  missing_annotation_schema: 'missing_annotation_schema_count',
  missing_mask_asset: 'missing_mask_asset_count',
  registry_missing_payload: 'registry_missing_payload_count',
  invalid_mount: 'invalid_mount_count',
} as const satisfies Record<string, Counter>

type Kind = keyof typeof counters

/**
 * Looks whether all that a dataset version names is there, its manifest read piece by piece. Only what is
 * not found counts as missing; a database or mount that does not answer ends the check.
 *
 * @see sync-and-replication.md 8.5
 */
export function integrityHandlers(parts: LakeParts, manifests: Manifests) {
  return {
    'dataset_versions.verify_integrity': async (request, options) => {
      const { dataset_name, version, mode } = request
      const head = await manifests.head(dataset_name, version, options)
      const manifest = await manifests.open(head.dataset_version_id, options)
      const findings = new Findings(request)
      findings.report.manifest_count = manifest.size
      const seen = new Set<string>()
      for (let from = 0; from < manifest.size; from += datumsAtOnce) {
        const ids: string[] = []
        for (const id of await manifest.slice(from, from + datumsAtOnce, options)) {
          if (seen.has(id)) findings.report.duplicate_manifest_count += 1
          else ids.push(id)
          seen.add(id)
        }
        const datums = await lookedUp(parts.records.datums, ids, options)
        findings.addMissing('missing_manifest_datum', ids, datums)
        findings.report.resolved_manifest_count += datums.size
        await checkDatums(parts, [...datums.values()], mode, findings, options)
      }
      return findings.done()
    },
  } satisfies Handlers
}

/** Counts each missing id once, and keeps the first as samples. */
class Findings {
  readonly report: Report
  readonly #limit: number
  readonly #known = new Map<Kind, Set<string>>()

  constructor({ dataset_name, version, mode, sample_limit }: Request) {
    this.#limit = sample_limit
    this.report = {
      ok: true,
      dataset_name,
      version,
      mode,
      manifest_count: 0,
      resolved_manifest_count: 0,
      duplicate_manifest_count: 0,
      missing_manifest_datum_count: 0,
      missing_asset_count: 0,
      missing_annotation_set_count: 0,
      missing_annotation_record_count: 0,
      missing_annotation_schema_count: 0,
      missing_mask_asset_count: 0,
      registry_missing_payload_count: 0,
      invalid_mount_count: 0,
      samples: [],
    }
  }

  add(kind: Kind, id: string, detail: string | null = null): void {
    const known = this.#known.get(kind) ?? new Set()
    this.#known.set(kind, known)
    if (known.has(id)) return
    known.add(id)
    this.report[counters[kind]] += 1
    if (this.report.samples.length < this.#limit) this.report.samples.push({ kind, id, detail })
  }

  addMissing(kind: Kind, ids: readonly string[], found: ReadonlyMap<string, unknown>): void {
    for (const id of ids) if (!found.has(id)) this.add(kind, id)
  }

  done(): Report {
    const { report } = this
    report.ok =
      report.duplicate_manifest_count === 0 &&
      Object.values(counters).every((counter) => report[counter] === 0)
    return report
  }
}

async function checkDatums(
  parts: LakeParts,
  datums: readonly Datum[],
  mode: Request['mode'],
  findings: Findings,
  options: CallOptions,
): Promise<void> {
  const { records } = parts
  const assetIds = distinct(datums.flatMap(({ asset_refs }) => Object.values(asset_refs)))
  const assets = await lookedUp(records.assets, assetIds, options)
  findings.addMissing('missing_asset', assetIds, assets)
  if (mode === 'fast') return
  const setIds = distinct(datums.flatMap(({ annotation_set_ids }) => annotation_set_ids))
  const sets = await lookedUp(records.annotationSets, setIds, options)
  findings.addMissing('missing_annotation_set', setIds, sets)
  const recordIds = distinct(
    [...sets.values()].flatMap(({ annotation_record_ids }) => annotation_record_ids),
  )
  const masks = await checkRecords(records, recordIds, findings, options)
  const schemaIds = distinct(
    [...sets.values()].flatMap(({ annotation_schema_id }) => annotation_schema_id ?? []),
  )
  const schemas = await lookedUp(records.annotationSchemas, schemaIds, options)
  findings.addMissing('missing_annotation_schema', schemaIds, schemas)
  if (mode === 'full-db') return
  await mapBounded(
    [...new Map([...assets, ...masks]).values()],
    parallelLooks,
    (asset) => checkPayload(parts, asset, findings, options),
    options,
  )
}

type StoredAsset =
  Awaited<ReturnType<Records['assets']['getMany']>> extends Map<string, infer A> ? A : never

/** Gives the mask assets that the records name. */
async function checkRecords(
  records: Records,
  ids: readonly string[],
  findings: Findings,
  options: CallOptions,
): Promise<Map<string, StoredAsset>> {
  const masks = new Map<string, StoredAsset>()
  for (let from = 0; from < ids.length; from += datumsAtOnce) {
    const some = ids.slice(from, from + datumsAtOnce)
    const found = await lookedUp(records.annotationRecords, some, options)
    findings.addMissing('missing_annotation_record', some, found)
    const maskIds = distinct(
      [...found.values()].flatMap(({ geometry }) => {
        const id: unknown = geometry.mask_asset_id
        return typeof id === 'string' ? id : []
      }),
    )
    const assets = await lookedUp(records.assets, maskIds, options)
    findings.addMissing('missing_mask_asset', maskIds, assets)
    for (const [id, asset] of assets) masks.set(id, asset)
  }
  return masks
}

async function checkPayload(
  { store }: LakeParts,
  asset: StoredAsset,
  findings: Findings,
  options: CallOptions,
): Promise<void> {
  const { mount, name, version, qualified_key } = payloadRef(asset)
  const isMount = store.mounts().some((each) => each.name === mount)
  if (!isMount) return findings.add('invalid_mount', asset.asset_id, mount)
  const exists = await store
    .registry(mount)
    .has(name, { ...options, ...versionOf(version) })
    .catch((error: unknown) => {
      // A document that can't be read is there, and its payload can't be.
      if (isMindtraceError(error, 'CORRUPT')) return false
      throw error
    })
  if (!exists) findings.add('registry_missing_payload', asset.asset_id, qualified_key ?? null)
}

async function lookedUp<T>(
  repository: {
    getMany(ids: readonly string[], options: CallOptions): Promise<Map<string, T>>
  },
  ids: readonly string[],
  options: CallOptions,
): Promise<Map<string, T>> {
  return ids.length === 0 ? new Map() : await repository.getMany(ids, options)
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort()
}
