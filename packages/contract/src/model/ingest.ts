import { z } from 'zod'
import {
  AnnotationKind,
  AnnotationLabelDefinition,
  AnnotationSource,
  AnnotationTaskType,
} from './annotations.ts'
import { jsonObject, nullable } from './primitives.ts'

/** The split a datum or collection item belongs to. */
export const Split = z.enum(['train', 'val', 'test']).meta({ id: 'Split' })
export type Split = z.infer<typeof Split>

/** A key of a sample within its source: stable between runs, for example a path relative to the folder. */
const SourceKey = z.string().min(1).max(1024)

/** An annotation schema that an ingest needs: created when absent, extended by missing labels and kinds. */
export const IngestSchema = z
  .object({
    name: z.string().min(1),
    version: z.string().min(1),
    task_type: AnnotationTaskType,
    allowed_annotation_kinds: z.array(AnnotationKind),
    labels: z.array(AnnotationLabelDefinition).default([]),
    allow_scores: z.boolean().default(false),
    required_attributes: z.array(z.string()).default([]),
    optional_attributes: z.array(z.string()).default([]),
    allow_additional_attributes: z.boolean().default(false),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'IngestSchema' })
export type IngestSchema = z.infer<typeof IngestSchema>

/** A payload that lies in a mount of the lake already and stays there. */
export const InPlacePayload = z
  .object({
    /** A mount of the lake that nobody writes through it: a plain one, or one that is read-only. */
    mount: z.string().min(1).max(64),
    /** The object's name: in a plain mount the key of the file, with `/`. */
    name: z.string().min(1).max(1024),
  })
  .meta({ id: 'InPlacePayload' })
export type InPlacePayload = z.infer<typeof InPlacePayload>

/** One payload of a sample, without its bytes. */
export const IngestAsset = z
  .object({
    kind: z.enum(['image', 'mask', 'artifact', 'embedding', 'document', 'other']),
    media_type: z.string().min(1),
    size_bytes: z.int().min(0),
    /** SHA-256 of the bytes, 64 hex digits, where the sender knows it already: checked on arrival. */
    sha256: nullable(z.string().regex(/^[0-9a-f]{64}$/)),
    metadata: jsonObject().default({}),
    /** Where the bytes are, when they are not sent: the lake reads them once, and refers to them there. */
    in_place: InPlacePayload.optional(),
  })
  .meta({ id: 'IngestAsset' })
export type IngestAsset = z.infer<typeof IngestAsset>

/** One annotation of a sample; its ids and times are the lake's. */
export const IngestRecord = z
  .object({
    kind: AnnotationKind,
    label: z.string(),
    label_id: nullable(z.int()),
    score: nullable(z.number()),
    source: AnnotationSource,
    geometry: jsonObject().default({}),
    attributes: jsonObject().default({}),
    metadata: jsonObject().default({}),
    /** The role of the asset that the annotation is about. */
    subject_role: z.string().default('image'),
    /** The role of the mask asset whose id is written into `geometry.mask_asset_id`. */
    mask_role: nullable(z.string()),
  })
  .meta({ id: 'IngestRecord' })
export type IngestRecord = z.infer<typeof IngestRecord>

/** One annotation set of a sample. */
export const IngestAnnotationSet = z
  .object({
    name: z.string().min(1),
    purpose: z.enum(['ground_truth', 'prediction', 'review', 'snapshot', 'other']),
    source_type: z.enum(['human', 'machine', 'mixed']),
    status: z.enum(['draft', 'active', 'archived']).default('active'),
    schema: nullable(z.object({ name: z.string(), version: z.string() })),
    metadata: jsonObject().default({}),
    records: z.array(IngestRecord),
  })
  .meta({ id: 'IngestAnnotationSet' })
export type IngestAnnotationSet = z.infer<typeof IngestAnnotationSet>

/** One sample: it becomes a datum with its assets, aliases, annotation sets and records. */
export const IngestSample = z
  .object({
    source_key: SourceKey,
    /** Place in the manifest of the dataset version, from 0. */
    ordinal: z.int().min(0),
    split: nullable(Split),
    metadata: jsonObject().default({}),
    assets: z.record(z.string().min(1), IngestAsset),
    annotation_sets: z.array(IngestAnnotationSet).default([]),
  })
  .meta({ id: 'IngestSample' })
export type IngestSample = z.infer<typeof IngestSample>

export const IngestBeginInput = z
  .object({
    dataset_name: z.string().min(1).max(256),
    version: z.string().min(1).max(256),
    description: nullable(z.string()),
    /** The mount for new payloads; null is the default mount. */
    mount: nullable(z.string()),
    created_by: nullable(z.string()),
    metadata: jsonObject().default({}),
    schemas: z.array(IngestSchema).default([]),
  })
  .meta({ id: 'IngestBeginInput' })
export type IngestBeginInput = z.infer<typeof IngestBeginInput>

/** `open`: samples may come. `committed`: the dataset version exists; a repetition only compares. */
export const IngestState = z.enum(['open', 'committed']).meta({ id: 'IngestState' })
export type IngestState = z.infer<typeof IngestState>

export const IngestSession = z
  .object({
    session_id: z.string(),
    dataset_name: z.string(),
    version: z.string(),
    state: IngestState,
    /** Samples that the journal holds already. */
    journaled: z.int().min(0),
    dataset_version_id: nullable(z.string()),
  })
  .meta({ id: 'IngestSession' })
export type IngestSession = z.infer<typeof IngestSession>

export const IngestSessionOutput = z
  .object({ session: IngestSession })
  .meta({ id: 'IngestSessionOutput' })

export const IngestPlanInput = z
  .object({ session_id: z.string(), source_keys: z.array(SourceKey).max(1000) })
  .meta({ id: 'IngestPlanInput' })

export const IngestPlanOutput = z
  .object({
    /** The digest of each sample that the journal holds, by source key; the others are wanted. */
    known: z.record(z.string(), z.string()),
  })
  .meta({ id: 'IngestPlanOutput' })

export const IngestCommitInput = z
  .object({
    session_id: z.string(),
    /** How many samples the source has. */
    samples: z.int().min(0),
    /** SHA-256 over the source keys in manifest order, each followed by a line feed; 64 hex digits. */
    source_keys_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .meta({ id: 'IngestCommitInput' })

export const IngestAbandonInput = z
  .object({ session_id: z.string() })
  .meta({ id: 'IngestAbandonInput' })

export const IngestAbandonOutput = z
  .object({ session_id: z.string(), samples_removed: z.int() })
  .meta({ id: 'IngestAbandonOutput' })

/** What became of one sample. */
export const IngestSampleResult = z
  .object({
    source_key: z.string(),
    /** `created`: written now. `unchanged`: the journal had it with the same content. */
    status: z.enum(['created', 'unchanged', 'failed']),
    datum_id: nullable(z.string()),
    asset_ids: z.record(z.string(), z.string()).default({}),
    error: nullable(z.object({ code: z.string(), message: z.string() })),
  })
  .meta({ id: 'IngestSampleResult' })
export type IngestSampleResult = z.infer<typeof IngestSampleResult>

export const IngestGroupResult = z
  .object({
    session_id: z.string(),
    samples: z.array(IngestSampleResult),
    /** What this call wrote. Bytes of assets in place are not among it. */
    written: z.object({
      assets: z.int(),
      datums: z.int(),
      annotation_sets: z.int(),
      annotation_records: z.int(),
      payload_bytes: z.int(),
    }),
  })
  .meta({ id: 'IngestGroupResult' })
export type IngestGroupResult = z.infer<typeof IngestGroupResult>
