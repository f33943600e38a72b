import { createHash } from 'node:crypto'
import type {
  AnnotationRecord,
  AnnotationSchema,
  AnnotationSet,
  Asset,
  Collection,
  DatasetVersion,
  Datum,
  IngestItem,
  IngestSample,
  Lake,
  TaskInput,
} from '@mindtrace/contract'
import type { Bytes } from '@mindtrace/core'

/** UTF-8 bytes of a text. */
export function bytes(text: string): Bytes {
  return new TextEncoder().encode(text)
}

/** Base64 of a text. */
export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** An image asset whose bytes lie in the default mount. */
export async function anImage(
  lake: Lake,
  input: Partial<TaskInput<'assets.create_from_object'>> = {},
): Promise<Asset> {
  const { asset } = await lake.assets.createFromObject({
    name: 'image',
    data_base64: base64('pixels'),
    kind: 'image',
    media_type: 'image/png',
    ...input,
  })
  return asset
}

/** An asset without stored bytes, the quickest there is. */
export async function anAsset(
  lake: Lake,
  input: Partial<TaskInput<'assets.create'>> = {},
): Promise<Asset> {
  const { asset } = await lake.assets.create({
    kind: 'image',
    media_type: 'image/png',
    storage_ref: { mount: 'main', name: 'not-there', version: '1.0.0' },
    ...input,
  })
  return asset
}

/** A datum with an image of its own, unless its assets are given. */
export async function aDatum(
  lake: Lake,
  input: Partial<TaskInput<'datums.create'>> = {},
): Promise<Datum> {
  const asset_refs = input.asset_refs ?? { image: (await anAsset(lake)).asset_id }
  const { datum } = await lake.datums.create({ ...input, asset_refs })
  return datum
}

/** A collection. */
export async function aCollection(
  lake: Lake,
  input: Partial<TaskInput<'collections.create'>> = {},
): Promise<Collection> {
  const { collection } = await lake.collections.create({ name: 'pets', ...input })
  return collection
}

/** A detection schema for boxes of cats and dogs. */
export async function aSchema(
  lake: Lake,
  input: Partial<TaskInput<'annotation_schemas.create'>> = {},
): Promise<AnnotationSchema> {
  const { annotation_schema } = await lake.annotationSchemas.create({
    name: 'boxes',
    version: '1',
    task_type: 'detection',
    allowed_annotation_kinds: ['bbox'],
    labels: [{ name: 'cat', id: 1 }, { name: 'dog' }],
    ...input,
  })
  return annotation_schema
}

/** An annotation set that no datum lists, unless one is named. */
export async function aSet(
  lake: Lake,
  input: Partial<TaskInput<'annotation_sets.create'>> = {},
): Promise<AnnotationSet> {
  const { annotation_set } = await lake.annotationSets.create({
    name: 'truth',
    purpose: 'ground_truth',
    source_type: 'human',
    ...input,
  })
  return annotation_set
}

/** A box as `annotation_records.add` takes it. */
export function aBox(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    kind: 'bbox',
    label: 'cat',
    source: { type: 'human', name: 'annotator' },
    geometry: { x: 1, y: 2, width: 3, height: 4 },
    ...fields,
  }
}

/** A record about an asset, in no set. */
export async function aRecord(
  lake: Lake,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<AnnotationRecord> {
  const subject = fields.subject ?? { kind: 'asset', id: 'asset_of_somewhere' }
  const { annotation_records } = await lake.annotationRecords.add({
    annotations: [aBox({ ...fields, subject })],
  })
  return annotation_records[0] as AnnotationRecord
}

/** A dataset version over the given datums. */
export async function aVersion(
  lake: Lake,
  input: Partial<TaskInput<'dataset_versions.create'>> = {},
): Promise<DatasetVersion> {
  const { dataset_version } = await lake.datasetVersions.create({
    dataset_name: 'pets',
    version: '1',
    manifest: [],
    ...input,
  })
  return dataset_version
}

type SampleInput = Omit<Partial<IngestSample>, 'assets'> & { readonly pixels?: string }

/** A sample for an ingest: one image with one box, told apart by its ordinal. */
export function aSample(ordinal: number, { pixels, ...fields }: SampleInput = {}): IngestItem {
  const payload = bytes(pixels ?? `pixels ${ordinal}`)
  const sample = {
    source_key: `images/${ordinal}.png`,
    ordinal,
    split: 'train',
    metadata: { place: ordinal },
    assets: {
      image: {
        kind: 'image',
        media_type: 'image/png',
        size_bytes: payload.byteLength,
        sha256: null,
        metadata: {},
      },
    },
    annotation_sets: [
      {
        name: 'truth',
        purpose: 'ground_truth',
        source_type: 'human',
        status: 'active',
        schema: { name: 'boxes', version: '1' },
        metadata: {},
        records: [anIngestRecord()],
      },
    ],
    ...fields,
  } satisfies IngestSample
  return { sample, payloads: { image: payload } }
}

/** A box as a sample of an ingest carries it. */
export function anIngestRecord(
  fields: Partial<IngestSample['annotation_sets'][number]['records'][number]> = {},
): IngestSample['annotation_sets'][number]['records'][number] {
  return {
    kind: 'bbox',
    label: 'cat',
    label_id: null,
    score: null,
    source: { type: 'human', name: 'annotator', version: null, metadata: {} },
    geometry: { x: 1, y: 2, width: 3, height: 4 },
    attributes: {},
    metadata: {},
    subject_role: 'image',
    mask_role: null,
    ...fields,
  }
}

/** The schema that {@link aSample} names, as `ingest.begin` takes it. */
export function anIngestSchema(
  fields: Partial<NonNullable<TaskInput<'ingest.begin'>['schemas']>[number]> = {},
): NonNullable<TaskInput<'ingest.begin'>['schemas']>[number] {
  return {
    name: 'boxes',
    version: '1',
    task_type: 'detection',
    allowed_annotation_kinds: ['bbox'],
    labels: [{ name: 'cat' }],
    ...fields,
  }
}

/** Begins an ingest and gives its session's id. */
export async function beginIngest(
  lake: Lake,
  input: Partial<TaskInput<'ingest.begin'>> = {},
): Promise<string> {
  const { session } = await lake.ingest.begin({
    dataset_name: 'pets',
    version: '1',
    schemas: [anIngestSchema()],
    ...input,
  })
  return session.session_id
}

/** Commits an ingest of these samples. */
export async function commitIngest(lake: Lake, session_id: string, items: readonly IngestItem[]) {
  const keys = createHash('sha256')
  for (const { sample } of items) keys.update(sample.source_key).update('\n')
  return await lake.ingest.commit({
    session_id,
    samples: items.length,
    source_keys_sha256: keys.digest('hex'),
  })
}
