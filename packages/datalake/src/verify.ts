import type { Asset, LakeIssue } from '@mindtrace/contract'
import {
  type CallOptions,
  chunksOf,
  type ErrorCode,
  errorMessage,
  inGroups,
  isMindtraceError,
  mapBounded,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import type { OpenedObject, OpenOptions, Registry } from '@mindtrace/registry'
import { payloadRef } from './assets.ts'
import { sha256Of } from './checked-body.ts'
import { inPlaceNoteOf } from './ingest/in-place.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { versionOf } from './objects.ts'
import { differencesOf, recountedFigures, saidFigures } from './totals.ts'

const chunk = 500

/** Looks for records without bytes, references that lead nowhere and totals that are wrong. It changes nothing. */
export function verifyHandlers(parts: LakeParts) {
  const { records } = parts
  return {
    'lake.verify': async ({ read_data, sample_limit }, options) => {
      const issues = new Issues(sample_limit)
      let assets_checked = 0
      let payload_bytes_read = 0
      for await (const group of inGroups(
        records.assets.stream({ payload_status: 'present' }, options),
        chunk,
      )) {
        const read = await mapBounded(group, 8, (asset) =>
          checkPayload(parts, asset, read_data, issues, options),
        )
        assets_checked += group.length
        for (const bytes of read) payload_bytes_read += bytes
      }
      await checkReferences(parts, issues, options)
      await checkTotals(parts, issues, options)
      return {
        ok: issues.count === 0,
        assets_checked,
        payload_bytes_read,
        issue_count: issues.count,
        issues: issues.listed,
      }
    },
  } satisfies Handlers
}

/** All issues are counted, the first ones listed. */
class Issues {
  readonly listed: LakeIssue[] = []
  readonly #limit: number
  count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(kind: LakeIssue['kind'], id: string, message: string): void {
    this.count += 1
    if (this.listed.length < this.#limit) this.listed.push({ kind, id, message })
  }
}

/** Gives the bytes it read. */
async function checkPayload(
  { store }: LakeParts,
  asset: Asset,
  readData: boolean,
  issues: Issues,
  options: CallOptions,
): Promise<number> {
  const ref = payloadRef(asset)
  const expected = asset.payload_size_bytes ?? asset.size_bytes
  const note = inPlaceNoteOf(asset)
  if (!store.mounts().some(({ name }) => name === ref.mount)) {
    issues.add(
      'mount_missing',
      asset.asset_id,
      `${ref.qualified_key}: this lake has no mount '${ref.mount}'`,
    )
    return 0
  }
  try {
    const registry = store.registry(ref.mount)
    const version = versionOf(ref.version)
    const opened = await openOneFile(registry, ref.name, { ...options, ...version })
    if (opened === undefined) {
      if (readData) await registry.verify(ref.name, { ...options, ...version })
      return 0
    }
    const { body, sizeBytes, etag } = opened
    const hasOtherSize = expected !== null && sizeBytes !== expected
    if (hasOtherSize) {
      issues.add(
        note === undefined ? 'payload_size' : 'payload_changed',
        asset.asset_id,
        `${ref.qualified_key} has ${sizeBytes} bytes, recorded are ${expected}`,
      )
    }
    // Another ETag is a suspicion only: a file that was copied, moved or touched has one. Its hash decides.
    const isSuspect = note !== undefined && etag !== note.etag
    if ((note !== undefined && hasOtherSize) || !(readData || isSuspect)) {
      await body.cancel()
      return 0
    }
    const hash = new RunningHash()
    for await (const part of chunksOf(body, options)) hash.update(part)
    const recorded = sha256Of(asset.payload_checksum ?? asset.checksum)
    const found = hash.digestHex()
    if (recorded !== undefined && recorded !== found) {
      issues.add(
        note === undefined ? 'payload_corrupt' : 'payload_changed',
        asset.asset_id,
        `${ref.qualified_key} has SHA-256 ${found}, recorded is ${recorded}`,
      )
    }
    return sizeBytes
  } catch (error) {
    if (!isMindtraceError(error)) throw error
    const kind = note === undefined ? unreadable[error.code] : unreadableInPlace[error.code]
    if (kind === undefined) throw error
    issues.add(kind, asset.asset_id, errorMessage(error))
    return 0
  }
}

/** Undefined for an object of several files, as only the reference stores: it has no one body. */
async function openOneFile(
  registry: Registry,
  name: string,
  options: OpenOptions,
): Promise<OpenedObject | undefined> {
  try {
    return await registry.open(name, { ...options, cache: false })
  } catch (error) {
    if (!isMindtraceError(error, 'INVALID_INPUT')) throw error
    if ((await registry.info(name, options)).files.length > 1) return undefined
    throw error
  }
}

/** What an asset's own fault looks like; any other error is the lake's and ends the check. */
const unreadable: Partial<Record<ErrorCode, LakeIssue['kind']>> = {
  CORRUPT: 'payload_corrupt',
  NOT_FOUND: 'payload_missing',
  // A name or version that no object can have.
  INVALID_INPUT: 'payload_missing',
}

/** Somebody else's file may also be kept from us, or be a link that leaves its mount. */
const unreadableInPlace: typeof unreadable = { ...unreadable, FORBIDDEN: 'payload_missing' }

async function checkReferences(
  parts: LakeParts,
  issues: Issues,
  options: CallOptions,
): Promise<void> {
  const { records } = parts
  type Looked = {
    getMany(ids: readonly string[], options: object): Promise<ReadonlyMap<string, unknown>>
  }
  const check = async <Row>(
    rows: AsyncIterable<Row>,
    target: Looked,
    key: string,
    idsOf: (row: Row) => readonly string[],
    report: (row: Row, id: string) => void,
    rowsAtOnce = chunk,
  ) => {
    for await (const group of inGroups(rows, rowsAtOnce)) {
      const found = await target.getMany(group.flatMap(idsOf), { ...options, fields: [key] })
      for (const row of group) for (const id of idsOf(row)) if (!found.has(id)) report(row, id)
    }
  }
  await check(
    records.assetAliases.stream({}, { ...options, fields: ['alias', 'asset_id'] }),
    records.assets,
    'asset_id',
    ({ asset_id }) => [asset_id],
    ({ alias }, id) => issues.add('dangling_alias', alias, `alias of the missing asset '${id}'`),
  )
  await check(
    records.datums.stream({}, { ...options, fields: ['datum_id', 'asset_refs'] }),
    records.assets,
    'asset_id',
    ({ asset_refs }) => Object.values(asset_refs),
    ({ datum_id }, id) =>
      issues.add('dangling_datum_asset', datum_id, `names the missing asset '${id}'`),
  )
  await check(
    records.datums.stream({}, { ...options, fields: ['datum_id', 'annotation_set_ids'] }),
    records.annotationSets,
    'annotation_set_id',
    ({ annotation_set_ids }) => annotation_set_ids,
    ({ datum_id }, id) =>
      issues.add('dangling_datum_set', datum_id, `names the missing set '${id}'`),
  )
  await check(
    records.annotationSets.stream(
      {},
      { ...options, fields: ['annotation_set_id', 'annotation_record_ids'] },
    ),
    records.annotationRecords,
    'annotation_id',
    ({ annotation_record_ids }) => annotation_record_ids,
    ({ annotation_set_id }, id) =>
      issues.add('dangling_set_record', annotation_set_id, `names the missing record '${id}'`),
  )
  await check(
    records.datasetVersions.stream(
      {},
      { ...options, fields: ['dataset_version_id', 'manifest'], batchSize: 2 },
    ),
    records.datums,
    'datum_id',
    ({ manifest }) => manifest,
    ({ dataset_version_id }, id) =>
      issues.add('dangling_manifest_datum', dataset_version_id, `names the missing datum '${id}'`),
    // A manifest may be as long as the lake.
    1,
  )
  await check(
    records.manifestChunks.stream({}, { ...options, batchSize: 2 }),
    records.datums,
    'datum_id',
    ({ datum_ids }) => datum_ids,
    ({ dataset_version_id }, id) =>
      issues.add('dangling_manifest_datum', dataset_version_id, `names the missing datum '${id}'`),
    1,
  )
}

const looksAtTotals = 3

/**
 * Compares what the database says with the documents themselves. What is written between the two makes a
 * difference as well: only one that is the same at the next look is an issue.
 */
async function checkTotals(
  { records }: LakeParts,
  issues: Issues,
  options: CallOptions,
): Promise<void> {
  let before: ReadonlyMap<string, string> = new Map()
  for (let look = 1; look <= looksAtTotals; look += 1) {
    const recounted = await recountedFigures(records, options)
    const found = differencesOf(await saidFigures(records, options), recounted)
    if (found.size === 0) return
    const stayed = [...found].filter(([name, message]) => before.get(name) === message)
    for (const [name, message] of stayed) issues.add('wrong_total', name, message)
    if (stayed.length > 0) return
    before = found
  }
}
