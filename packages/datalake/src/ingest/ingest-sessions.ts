import { createHash } from 'node:crypto'
import type { IngestSchema, IngestSession } from '@mindtrace/contract'
import { type CallOptions, MindtraceError, newId } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import type { Repository, Stored } from '@mindtrace/database'
import { insertDatasetVersion } from '../datasets/dataset-versions.ts'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import { inTransaction, type Records } from '../records/records.ts'
import { notFound } from '../records/references.ts'
import { derivedId, sampleIdOf, sessionIdOf } from './ingest-ids.ts'

/** A session as it is stored. */
export type SessionRow = Stored<Awaited<ReturnType<Records['ingestSessions']['insert']>>>

/** The steps of an ingest around its groups: open, plan, commit, abandon. Each may be repeated. */
export function ingestHandlers(parts: LakeParts) {
  const { records, store, clock } = parts
  return {
    'ingest.begin': async (input, options) => {
      const { dataset_name, version } = input
      const session_id = sessionIdOf(dataset_name, version)
      const mount = input.mount ?? store.defaultMount
      // Who names a mount wants to write there. The default may be none to write: payloads can be in place.
      if (input.mount !== null) store.writable(mount)
      const row = await inTransaction(
        parts.database,
        async (tx) => {
          await ensureSchemas(parts, tx, input.schemas, input.created_by)
          const known = (await tx.ingestSessions.getMany([session_id])).get(session_id)
          if (known !== undefined) return known
          if (await tx.datasetVersions.exists({ dataset_name, version })) {
            throw new MindtraceError(
              'CONFLICT',
              `Dataset version '${dataset_name}@${version}' exists and was not made by an ingest; choose another version`,
              { details: { dataset_name, version } },
            )
          }
          const now = clock.now()
          return await tx.ingestSessions.insert({
            session_id,
            dataset_name,
            version,
            description: input.description,
            mount,
            created_by: input.created_by,
            metadata: input.metadata,
            state: 'open',
            dataset_version_id: null,
            created_at: now,
            updated_at: now,
          })
        },
        options,
      )
      return { session: await sessionOf(records, row, options) }
    },
    'ingest.plan': async ({ session_id, source_keys }, options) => {
      await requireSession(records, session_id, options)
      const rows = await records.ingestSamples.getMany(
        source_keys.map((key) => sampleIdOf(session_id, key)),
        { ...options, fields: ['source_key', 'digest'] },
      )
      return {
        known: Object.fromEntries([...rows.values()].map((row) => [row.source_key, row.digest])),
      }
    },
    'ingest.commit': async ({ session_id, samples, source_keys_sha256 }, options) => {
      const row = await inTransaction(
        parts.database,
        (tx) => commit(parts, tx, session_id, { samples, source_keys_sha256 }),
        options,
      )
      return { session: await sessionOf(records, row, options) }
    },
    'ingest.abandon': async ({ session_id }, options) => {
      const samples_removed = await inTransaction(
        parts.database,
        (tx) => abandon(tx, session_id),
        options,
      )
      return { session_id, samples_removed }
    },
  } satisfies Handlers
}

/** @throws `NOT_FOUND` for an unknown session. */
export async function requireSession(
  records: Records,
  sessionId: string,
  options: CallOptions,
): Promise<SessionRow> {
  const row = (await records.ingestSessions.getMany([sessionId], options)).get(sessionId)
  if (row === undefined) throw notFound('Ingest session', 'session_id', [sessionId])
  return row
}

async function sessionOf(
  records: Records,
  row: SessionRow,
  options: CallOptions,
): Promise<IngestSession> {
  const { session_id, dataset_name, version, state, dataset_version_id } = row
  const journaled = await records.ingestSamples.count({ session_id }, options)
  return { session_id, dataset_name, version, state, dataset_version_id, journaled }
}

async function commit(
  parts: LakeParts,
  tx: Records,
  sessionId: string,
  expected: { readonly samples: number; readonly source_keys_sha256: string },
): Promise<SessionRow> {
  const session = await requireSession(tx, sessionId, {})
  const { dataset_name, version } = session
  const manifest: string[] = []
  const keys = createHash('sha256')
  const rows = tx.ingestSamples.stream(
    { session_id: sessionId },
    { sort: ['ordinal', 'sample_id'], fields: ['source_key', 'datum_id'] },
  )
  for await (const { source_key, datum_id } of rows) {
    manifest.push(datum_id)
    keys.update(source_key).update('\n')
  }
  if (manifest.length !== expected.samples || keys.digest('hex') !== expected.source_keys_sha256) {
    throw new MindtraceError(
      'CONFLICT',
      session.state === 'committed'
        ? `Dataset version '${dataset_name}@${version}' exists with other samples (${manifest.length}; the source has ${expected.samples}); import into another version`
        : `The source has changed since the ingest into '${dataset_name}@${version}' began: its journal holds ${manifest.length} samples, the source has ${expected.samples}. Start again with --restart, or choose another version`,
      { details: { dataset_name, version, journaled: manifest.length, samples: expected.samples } },
    )
  }
  if (session.state === 'committed') return session
  const now = parts.clock.now()
  const inserted = await insertDatasetVersion(parts, tx, {
    dataset_version_id: derivedId('dataset_version', sessionId, sha256Hex(manifest.join('\n'))),
    dataset_name,
    version,
    description: session.description,
    manifest,
    source_dataset_version_id: null,
    metadata: session.metadata,
    created_at: now,
    created_by: session.created_by,
  })
  const { dataset_version_id } = inserted
  const set = { state: 'committed' as const, dataset_version_id, updated_at: now }
  return await tx.ingestSessions.update(sessionId, { set })
}

/** Removes what an ingest wrote into the records; its payloads are left to the garbage collection. */
async function abandon(tx: Records, sessionId: string): Promise<number> {
  const session = await requireSession(tx, sessionId, {})
  if (session.state === 'committed') {
    throw new MindtraceError(
      'CONFLICT',
      `The ingest into '${session.dataset_name}@${session.version}' is committed and can't be abandoned`,
    )
  }
  let removed = 0
  for (;;) {
    const rows = await tx.ingestSamples.find({ session_id: sessionId }, { limit: 500 })
    if (rows.length === 0) break
    const datumIds = rows.map(({ datum_id }) => datum_id)
    const assetIds = rows.flatMap(({ asset_ids }) => Object.values(asset_ids))
    const datums = await tx.datums.getMany(datumIds, { fields: ['annotation_set_ids'] })
    const setIds = [...datums.values()].flatMap(({ annotation_set_ids }) => annotation_set_ids)
    const sets = await tx.annotationSets.getMany(setIds, { fields: ['annotation_record_ids'] })
    const recordIds = [...sets.values()].flatMap((set) => set.annotation_record_ids)
    const sampleIds = rows.map(({ sample_id }) => sample_id)
    await refuseUsed(tx, session, assetIds)
    await deleteAll(tx.annotationRecords, 'annotation_id', recordIds)
    await deleteAll(tx.annotationSets, 'annotation_set_id', setIds)
    await deleteAll(tx.datums, 'datum_id', datumIds)
    await deleteAll(tx.assetAliases, 'asset_id', assetIds)
    await deleteAll(tx.assets, 'asset_id', assetIds)
    await deleteAll(tx.ingestSamples, 'sample_id', sampleIds)
    removed += rows.length
  }
  await tx.ingestSessions.delete(sessionId)
  return removed
}

/** Assets that others have put into collections since stay, and with them the whole ingest. */
async function refuseUsed(
  tx: Records,
  { dataset_name, version }: SessionRow,
  assetIds: readonly string[],
): Promise<void> {
  for (const ids of partsOf(assetIds)) {
    const item = await tx.collectionItems.findOne({ asset_id: { $in: ids } })
    if (item === undefined) continue
    const { asset_id, collection_id } = item
    throw new MindtraceError(
      'CONFLICT',
      `Asset '${asset_id}' of the ingest into '${dataset_name}@${version}' is in collection '${collection_id}'; take it out first`,
      { details: { asset_id, collection_id } },
    )
  }
}

/** As many ids as a filter of ours names at a time. */
const idsPerFilter = 1000

function partsOf(ids: readonly string[]): string[][] {
  const parts: string[][] = []
  for (let from = 0; from < ids.length; from += idsPerFilter) {
    parts.push(ids.slice(from, from + idsPerFilter))
  }
  return parts
}

async function deleteAll<T extends object, I>(
  repository: Repository<T, I>,
  field: keyof T & string,
  ids: readonly string[],
): Promise<void> {
  for (const part of partsOf(ids)) await repository.deleteMany({ [field]: { $in: part } })
}

/** Makes the schemas that are absent and extends those that lack labels, kinds or attributes. */
async function ensureSchemas(
  { clock }: LakeParts,
  tx: Records,
  schemas: readonly IngestSchema[],
  createdBy: string | null,
): Promise<void> {
  for (const schema of schemas) {
    const { name, version } = schema
    const known = await tx.annotationSchemas.findOne({ name, version })
    const now = clock.now()
    if (known === undefined) {
      await tx.annotationSchemas.insert({
        ...schema,
        annotation_schema_id: newId('annotation_schema'),
        created_at: now,
        created_by: createdBy,
        updated_at: now,
      })
      continue
    }
    if (known.task_type !== schema.task_type) {
      throw new MindtraceError(
        'CONFLICT',
        `Annotation schema '${name}@${version}' is for ${known.task_type}, not for ${schema.task_type}; use another name or version`,
        { details: { name, version } },
      )
    }
    const names = new Set(known.labels.map((label) => label.name))
    const labels = schema.labels.filter((label) => !names.has(label.name))
    const kinds = missing(known.allowed_annotation_kinds, schema.allowed_annotation_kinds)
    const attributes = missing(
      [...known.required_attributes, ...known.optional_attributes],
      [...schema.required_attributes, ...schema.optional_attributes],
    )
    if (labels.length + kinds.length + attributes.length === 0) continue
    await tx.annotationSchemas.update(known.annotation_schema_id, {
      set: {
        labels: [...known.labels, ...labels],
        allowed_annotation_kinds: [...known.allowed_annotation_kinds, ...kinds],
        optional_attributes: [...known.optional_attributes, ...attributes],
        updated_at: now,
      },
    })
  }
}

function missing<T>(known: readonly T[], wanted: readonly T[]): T[] {
  const set = new Set(known)
  return wanted.filter((one) => !set.has(one))
}

/** Whether a session takes samples. @throws `CONFLICT` when it was committed. */
export function requireOpen(session: SessionRow): void {
  if (session.state === 'open') return
  throw new MindtraceError(
    'CONFLICT',
    `The ingest into '${session.dataset_name}@${session.version}' is committed; import into another version`,
    { details: { session_id: session.session_id } },
  )
}
