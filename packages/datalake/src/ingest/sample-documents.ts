import { type IngestSample, qualifiedKey } from '@mindtrace/contract'
import { primaryAlias } from '../assets.ts'
import type { Records } from '../records/records.ts'
import { withInPlaceNote } from './in-place.ts'
import { derivedId } from './ingest-ids.ts'

/** A payload of the sample as the mount keeps it. */
export interface StoredPayload {
  readonly mount: string
  readonly name: string
  readonly version: string
  readonly sizeBytes: number
  /** 64 hex digits. */
  readonly sha256: string
  /** Only of a payload that is used where it lies: see {@link InPlaceNote}. */
  readonly etag?: string | undefined
}

type Document<Name extends keyof Records> = Parameters<Records[Name]['insert']>[0]

/** Everything that one sample becomes. */
export interface IngestDocuments {
  readonly assets: readonly Document<'assets'>[]
  readonly aliases: readonly Document<'assetAliases'>[]
  readonly records: readonly Document<'annotationRecords'>[]
  readonly sets: readonly Document<'annotationSets'>[]
  readonly datum: Document<'datums'>
  readonly journal: Document<'ingestSamples'>
  /** Bytes that the lake has stored for it. */
  readonly payloadBytes: number
}

/** What {@link sampleDocuments} needs. */
export interface SampleContext {
  readonly sample: IngestSample
  readonly payloads: ReadonlyMap<string, StoredPayload>
  readonly digest: string
  readonly sampleId: string
  readonly sessionId: string
  readonly createdBy: string | null
  readonly now: string
  readonly schemaIdOf: (schema: {
    readonly name: string
    readonly version: string
  }) => string | null
}

/** The documents of a sample, with ids that follow from its session, its key and its content. */
export function sampleDocuments(context: SampleContext): IngestDocuments {
  const { sample, digest, sampleId, now } = context
  const assetIds: Record<string, string> = {}
  for (const role of Object.keys(sample.assets)) {
    assetIds[role] = derivedId('asset', sampleId, digest, role)
  }
  const assets = Object.keys(sample.assets).map((role) => assetDocument(context, role, assetIds))
  const records: Document<'annotationRecords'>[] = []
  const sets = sample.annotation_sets.map((set, setIndex) => {
    const ids = set.records.map((record, index) => {
      const { subject_role, mask_role, ...fields } = record
      const annotation_id = derivedId('annotation', sampleId, digest, setIndex, index)
      const subjectId = assetIds[subject_role]
      records.push({
        ...fields,
        annotation_id,
        subject: subjectId === undefined ? null : { kind: 'asset', id: subjectId },
        geometry:
          mask_role === null
            ? fields.geometry
            : { ...fields.geometry, mask_asset_id: assetIds[mask_role] },
        created_at: now,
        updated_at: now,
      })
      return annotation_id
    })
    return {
      annotation_set_id: derivedId('annotation_set', sampleId, digest, setIndex),
      name: set.name,
      purpose: set.purpose,
      source_type: set.source_type,
      status: set.status,
      annotation_schema_id: set.schema === null ? null : context.schemaIdOf(set.schema),
      annotation_record_ids: ids,
      metadata: set.metadata,
      created_at: now,
      created_by: context.createdBy,
      updated_at: now,
    }
  })
  const datum_id = derivedId('datum', sampleId, digest)
  let payloadBytes = 0
  for (const { etag, sizeBytes } of context.payloads.values()) {
    if (etag === undefined) payloadBytes += sizeBytes
  }
  return {
    payloadBytes,
    assets,
    aliases: assets.map(({ asset_id }) =>
      primaryAlias(asset_id, now, derivedId('alias', asset_id)),
    ),
    records,
    sets,
    datum: {
      datum_id,
      split: sample.split,
      asset_refs: assetIds,
      metadata: sample.metadata,
      annotation_set_ids: sets.map(({ annotation_set_id }) => annotation_set_id),
      created_at: now,
      updated_at: now,
    },
    journal: {
      sample_id: sampleId,
      session_id: context.sessionId,
      source_key: sample.source_key,
      ordinal: sample.ordinal,
      digest,
      datum_id,
      asset_ids: assetIds,
    },
  }
}

function assetDocument(
  { sample, payloads, createdBy, now }: SampleContext,
  role: string,
  assetIds: Readonly<Record<string, string>>,
): Document<'assets'> {
  const asset = sample.assets[role] as IngestSample['assets'][string]
  const payload = payloads.get(role) as StoredPayload
  const { mount, name, version } = payload
  const storage_ref = {
    mount,
    name,
    version,
    qualified_key: qualifiedKey({ mount, name, version }),
  }
  const checksum = `sha256:${payload.sha256}`
  return {
    asset_id: assetIds[role] as string,
    kind: asset.kind,
    media_type: asset.media_type,
    storage_ref,
    checksum,
    size_bytes: payload.sizeBytes,
    payload_status: 'present',
    payload_status_updated_at: now,
    payload_status_reason: null,
    payload_storage_ref: storage_ref,
    payload_checksum: checksum,
    payload_size_bytes: payload.sizeBytes,
    payload_verified_at: now,
    subject: null,
    metadata:
      payload.etag === undefined
        ? asset.metadata
        : withInPlaceNote(asset.metadata, { etag: payload.etag }),
    created_at: now,
    created_by: createdBy,
    updated_at: now,
  }
}
