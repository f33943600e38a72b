import {
  type AnnotationSchema,
  type IngestGroupResult,
  type IngestItem,
  type IngestPayload,
  IngestSample,
  type IngestSampleResult,
  type InPlacePayload,
  parse,
} from '@mindtrace/contract'
import { sampleDigest } from '@mindtrace/contract/sample-digest'
import {
  type ByteStream,
  type CallOptions,
  chunksOf,
  type ErrorCode,
  isMindtraceError,
  MindtraceError,
  mapBounded,
  newId,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type { PutItem } from '@mindtrace/registry'
import { type SchemaRules, schemaRules } from '../annotation-rules.ts'
import { Announcements } from '../gc/announcements.ts'
import type { LakeParts } from '../lake-parts.ts'
import { inTransaction, type Records } from '../records/records.ts'
import { readInPlace } from './in-place.ts'
import { derivedId, sampleIdOf } from './ingest-ids.ts'
import { requireOpen, requireSession, type SessionRow } from './ingest-sessions.ts'
import { type IngestDocuments, type StoredPayload, sampleDocuments } from './sample-documents.ts'

const maxGroupSamples = 1000
const maxBatchBytes = 32 * 1024 * 1024
/** Payloads in place that wait to be read, and how many are read at a time. */
const maxInPlaceBatch = 256
const inPlaceAtOnce = 8

/** A sample on its way through: what is known of it so far, or why it can't be taken. */
interface Candidate {
  readonly sample: IngestSample
  readonly payloads: Map<string, StoredPayload>
  failure?: { readonly code: string; readonly message: string } | undefined
}

/**
 * Stores the payloads of a group as they come, then writes all of its records and journal rows in one
 * transaction: payload first, record after, so a crash leaves bytes that nothing names, never the reverse.
 *
 * Bytes given whole are named by their content, so the same bytes are stored once in a mount; a stream is
 * named by its sample, since its hash is known only when it has passed.
 */
export async function ingestGroup(
  parts: LakeParts,
  sessionId: string,
  items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
  options: CallOptions,
): Promise<IngestGroupResult> {
  const session = await requireSession(parts.records, sessionId, options)
  const announcements = new Announcements(parts)
  try {
    return await ingestAnnounced(parts, session, announcements, items, options)
  } catch (error) {
    await announcements.withdraw()
    throw error
  }
}

async function ingestAnnounced(
  parts: LakeParts,
  { session_id: sessionId, mount, created_by }: SessionRow,
  announcements: Announcements,
  items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
  options: CallOptions,
): Promise<IngestGroupResult> {
  const writer = new PayloadWriter(parts, { sessionId, mount, announcements }, options)
  const candidates: Candidate[] = []
  for await (const item of items) {
    if (candidates.length === maxGroupSamples) {
      throw new MindtraceError('TOO_LARGE', `a group holds at most ${maxGroupSamples} samples`, {
        details: { limit: maxGroupSamples },
      })
    }
    candidates.push(await writer.take(item))
  }
  await writer.finish()
  const rules = await rulesOf(parts.records, candidates, options)
  const outcome = await inTransaction(
    parts.database,
    async (tx) => {
      await announcements.fulfil(tx)
      return await writeRecords(parts, tx, { sessionId, createdBy: created_by, candidates, rules })
    },
    options,
  )
  return { session_id: sessionId, ...outcome }
}

/** Stores payloads in batches: small ones many at a time, streams each by itself. Those in place are read. */
class PayloadWriter {
  readonly #parts: LakeParts
  readonly #sessionId: string
  readonly #mount: string
  readonly #announcements: Announcements
  readonly #options: CallOptions
  #batch: {
    readonly put: PutItem & { readonly body: Uint8Array }
    readonly candidate: Candidate
    readonly role: string
    readonly sha256: string
  }[] = []
  #batchBytes = 0
  #inPlace: {
    readonly payload: InPlacePayload
    readonly candidate: Candidate
    readonly role: string
  }[] = []

  constructor(
    parts: LakeParts,
    target: {
      readonly sessionId: string
      readonly mount: string
      readonly announcements: Announcements
    },
    options: CallOptions,
  ) {
    this.#parts = parts
    this.#sessionId = target.sessionId
    this.#mount = target.mount
    this.#announcements = target.announcements
    this.#options = options
  }

  async take({ sample: unchecked, payloads }: IngestItem): Promise<Candidate> {
    const sample = parse(IngestSample, unchecked, 'ingest: sample')
    const candidate: Candidate = { sample, payloads: new Map() }
    for (const [role, asset] of Object.entries(sample.assets)) {
      const payload = payloads[role]
      if (asset.in_place !== undefined) {
        if (payload === undefined) await this.#takeInPlace(candidate, role, asset.in_place)
        else fail(candidate, 'INVALID_INPUT', `asset '${role}' is in place and comes with bytes`)
      } else if (payload === undefined) {
        fail(candidate, 'INVALID_INPUT', `asset '${role}' comes without its payload`)
      } else if (payload instanceof Uint8Array) {
        await this.#takeBytes(candidate, role, payload)
      } else if (candidate.failure === undefined) {
        await this.#takeStream(candidate, role, payload, asset.size_bytes)
      }
    }
    return candidate
  }

  async finish(): Promise<void> {
    await this.#readInPlace()
    await this.#storeBatch()
  }

  async #storeBatch(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length === 0) return
    const registry = this.#parts.store.writable(this.#mount)
    const names = [...new Set(batch.map(({ put }) => put.name))]
    await this.#announcements.announce(this.#mount, names, this.#options)
    const outcomes = await registry.putMany(
      batch.map(({ put }) => put),
      this.#options,
    )
    for (const [index, { put, candidate, role, sha256 }] of batch.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) continue
      if (outcome.status === 'failed') throw outcome.error
      const sizeBytes = put.body.byteLength
      candidate.payloads.set(role, { sizeBytes, sha256, ...this.#place(outcome.object) })
    }
  }

  async #takeBytes(candidate: Candidate, role: string, bytes: Uint8Array): Promise<void> {
    const sha256 = sha256Hex(bytes)
    if (!matches(candidate, role, { sizeBytes: bytes.byteLength, sha256 })) return
    const asset = candidate.sample.assets[role]
    // A name that says its content has one version for ever; unversioned registries ignore it.
    const put = {
      name: `sha256-${sha256}`,
      sha256,
      body: bytes,
      version: '1',
      onConflict: 'skip',
      contentType: asset?.media_type,
    } as const
    this.#batch.push({ put, candidate, role, sha256 })
    this.#batchBytes += bytes.byteLength
    if (this.#batchBytes >= maxBatchBytes) await this.#storeBatch()
  }

  async #takeInPlace(candidate: Candidate, role: string, payload: InPlacePayload): Promise<void> {
    this.#inPlace.push({ payload, candidate, role })
    if (this.#inPlace.length >= maxInPlaceBatch) await this.#readInPlace()
  }

  async #readInPlace(): Promise<void> {
    const batch = this.#inPlace
    this.#inPlace = []
    await mapBounded(
      batch,
      inPlaceAtOnce,
      async ({ payload, candidate, role }) => {
        if (candidate.failure !== undefined) return
        try {
          const found = await readInPlace(this.#parts.store, payload, this.#options)
          if (matches(candidate, role, found)) candidate.payloads.set(role, found)
        } catch (error) {
          if (!isMindtraceError(error) || !ownFaults.has(error.code)) throw error
          fail(candidate, error.code, `asset '${role}': ${error.message}`)
        }
      },
      this.#options,
    )
  }

  async #takeStream(
    candidate: Candidate,
    role: string,
    open: Exclude<IngestPayload, Uint8Array>,
    sizeBytes: number,
  ): Promise<void> {
    const { sample } = candidate
    const { records } = this.#parts
    const sampleId = sampleIdOf(this.#sessionId, sample.source_key)
    const body = await open()
    // What the journal holds is referred to by records: its bytes are compared, not written over.
    if ((await records.ingestSamples.getMany([sampleId], this.#options)).has(sampleId)) {
      const hash = await hashOf(body, this.#options)
      candidate.payloads.set(role, { ...hash, name: '', version: '', mount: this.#mount })
      return
    }
    const registry = this.#parts.store.writable(this.#mount)
    // Always an object of its own: another attempt, under way or lost, may have one for the same sample.
    const name = registry.settings.versionObjects
      ? derivedId('stream', this.#sessionId, sample.source_key, role)
      : newId('stream')
    await this.#announcements.announce(this.#mount, [name], this.#options)
    const stored = await registry.put(name, body, {
      ...this.#options,
      contentType: sample.assets[role]?.media_type,
    })
    const came = { sizeBytes: stored.sizeBytes ?? sizeBytes, sha256: stored.sha256 ?? '' }
    if (matches(candidate, role, came)) {
      candidate.payloads.set(role, { ...came, ...this.#place(stored) })
    }
  }

  #place({ name, version }: { readonly name: string; readonly version: string }) {
    return { mount: this.#mount, name, version }
  }
}

/** What is wrong with one payload in place; any other error is the mount's and ends the call. */
const ownFaults: ReadonlySet<ErrorCode> = new Set([
  'NOT_FOUND',
  'INVALID_INPUT',
  'FORBIDDEN',
  'CORRUPT',
])

/** Compares what came with what was announced. */
function matches(
  candidate: Candidate,
  role: string,
  came: { readonly sizeBytes: number; readonly sha256: string },
): boolean {
  const asset = candidate.sample.assets[role]
  if (asset === undefined) return false
  if (asset.size_bytes !== came.sizeBytes) {
    fail(
      candidate,
      'CORRUPT',
      `asset '${role}' has ${came.sizeBytes} bytes, announced were ${asset.size_bytes}`,
    )
    return false
  }
  if (asset.sha256 !== null && asset.sha256 !== came.sha256) {
    fail(
      candidate,
      'CORRUPT',
      `asset '${role}' has SHA-256 ${came.sha256}, announced was ${asset.sha256}`,
    )
    return false
  }
  return true
}

async function hashOf(
  body: ByteStream,
  options: CallOptions,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = new RunningHash()
  for await (const chunk of chunksOf(body, options)) hash.update(chunk)
  return { sizeBytes: hash.sizeBytes, sha256: hash.digestHex() }
}

function fail(candidate: Candidate, code: string, message: string): void {
  candidate.failure ??= { code, message }
}

interface BoundSchema {
  readonly schema: AnnotationSchema
  readonly rules: SchemaRules
}

/** The schemas that the samples name, by `name@version`. */
async function rulesOf(
  records: Records,
  candidates: readonly Candidate[],
  options: CallOptions,
): Promise<ReadonlyMap<string, BoundSchema>> {
  const bound = new Map<string, BoundSchema>()
  const named = candidates.flatMap(({ sample }) =>
    sample.annotation_sets.flatMap(({ schema }) => schema ?? []),
  )
  for (const { name, version } of named) {
    const key = `${name}@${version}`
    if (bound.has(key)) continue
    const schema = await records.annotationSchemas.findOne({ name, version }, options)
    if (schema !== undefined) bound.set(key, { schema, rules: schemaRules(schema) })
  }
  return bound
}

function checkAnnotations(candidate: Candidate, rules: ReadonlyMap<string, BoundSchema>): void {
  const { sample } = candidate
  for (const { name: set, schema, records } of sample.annotation_sets) {
    const bound = schema === null ? undefined : rules.get(`${schema.name}@${schema.version}`)
    if (schema !== null && bound === undefined) {
      fail(
        candidate,
        'NOT_FOUND',
        `set '${set}' names the unknown schema '${schema.name}@${schema.version}'`,
      )
    }
    for (const [index, record] of records.entries()) {
      const { subject_role, mask_role } = record
      for (const role of mask_role === null ? [subject_role] : [subject_role, mask_role]) {
        if (!Object.hasOwn(sample.assets, role)) {
          fail(
            candidate,
            'INVALID_INPUT',
            `set '${set}', record ${index}: no asset has the role '${role}'`,
          )
        }
      }
      const geometry =
        record.mask_role === null ? record.geometry : { ...record.geometry, mask_asset_id: '' }
      const violation = bound?.rules.violation({ ...record, geometry })
      if (violation !== undefined)
        fail(candidate, 'INVALID_INPUT', `set '${set}', record ${index}: ${violation}`)
    }
  }
}

async function writeRecords(
  { clock }: LakeParts,
  tx: Records,
  group: {
    readonly sessionId: string
    readonly createdBy: string | null
    readonly candidates: readonly Candidate[]
    readonly rules: ReadonlyMap<string, BoundSchema>
  },
): Promise<Omit<IngestGroupResult, 'session_id'>> {
  const { sessionId, candidates, rules } = group
  const session = await requireSession(tx, sessionId, {})
  const sampleIds = candidates.map(({ sample }) => sampleIdOf(sessionId, sample.source_key))
  const journal = new Map(
    [...(await tx.ingestSamples.getMany(sampleIds))].map(([id, row]) => [
      id,
      { digest: row.digest, datum_id: row.datum_id, asset_ids: row.asset_ids },
    ]),
  )
  const now = clock.now()
  const fresh: IngestDocuments[] = []
  const samples = candidates.map((candidate, index): IngestSampleResult => {
    const { sample, payloads } = candidate
    const { source_key } = sample
    const sampleId = sampleIds[index] as string
    if (candidate.failure === undefined) checkAnnotations(candidate, rules)
    if (candidate.failure !== undefined) return failed(source_key, candidate.failure)
    const hashes = Object.fromEntries([...payloads].map(([role, { sha256 }]) => [role, sha256]))
    const digest = sampleDigest(sample, hashes)
    const known = journal.get(sampleId)
    if (known !== undefined) {
      const { datum_id, asset_ids } = known
      if (known.digest === digest) {
        return { source_key, status: 'unchanged', datum_id, asset_ids, error: null }
      }
      return failed(source_key, {
        code: 'CONFLICT',
        message: 'the sample differs from what this ingest has taken under its key before',
      })
    }
    const documents = sampleDocuments({
      sample,
      payloads,
      digest,
      sampleId,
      sessionId,
      createdBy: group.createdBy,
      now,
      schemaIdOf: ({ name, version }) =>
        rules.get(`${name}@${version}`)?.schema.annotation_schema_id ?? null,
    })
    fresh.push(documents)
    const { datum_id, asset_ids } = documents.journal
    journal.set(sampleId, { digest, datum_id, asset_ids })
    return { source_key, status: 'created', datum_id, asset_ids, error: null }
  })
  // What was taken before is answered also after the commit: two imports of one folder may overlap.
  if (fresh.length > 0) requireOpen(session)
  await insertAll(tx, fresh)
  return { samples, written: written(fresh) }
}

async function insertAll(tx: Records, fresh: readonly IngestDocuments[]): Promise<void> {
  const none = (
    what: string,
    { duplicates }: { readonly duplicates: readonly { on: string }[] },
  ) => {
    const [first] = duplicates
    if (first === undefined) return
    throw new MindtraceError(
      'CONFLICT',
      `${duplicates.length} ${what} of this ingest exist already (${first.on}) although its journal does not know them; import into another version`,
    )
  }
  none('assets', await tx.assets.insertMany(fresh.flatMap(({ assets }) => assets)))
  none('aliases', await tx.assetAliases.insertMany(fresh.flatMap(({ aliases }) => aliases)))
  none('records', await tx.annotationRecords.insertMany(fresh.flatMap(({ records }) => records)))
  none('sets', await tx.annotationSets.insertMany(fresh.flatMap(({ sets }) => sets)))
  none('datums', await tx.datums.insertMany(fresh.map(({ datum }) => datum)))
  none('journal rows', await tx.ingestSamples.insertMany(fresh.map(({ journal }) => journal)))
}

function written(fresh: readonly IngestDocuments[]): IngestGroupResult['written'] {
  const total = {
    assets: 0,
    datums: 0,
    annotation_sets: 0,
    annotation_records: 0,
    payload_bytes: 0,
  }
  for (const { assets, sets, records, payloadBytes } of fresh) {
    total.datums += 1
    total.assets += assets.length
    total.annotation_sets += sets.length
    total.annotation_records += records.length
    total.payload_bytes += payloadBytes
  }
  return total
}

function failed(
  source_key: string,
  error: { readonly code: string; readonly message: string },
): IngestSampleResult {
  return { source_key, status: 'failed', datum_id: null, asset_ids: {}, error }
}
