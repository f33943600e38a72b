import { z } from 'zod'
import { AnnotationRecord, AnnotationSet } from './annotations.ts'
import { Asset } from './assets.ts'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'

export const DatasetVersion = z
  .object({
    _id: objectIdHex(),
    dataset_version_id: z.string(),
    dataset_name: z.string(),
    version: z.string(),
    description: nullable(z.string()),
    manifest: z.array(z.string()).default([]),
    source_dataset_version_id: nullable(z.string()),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'DatasetVersion' })
export type DatasetVersion = z.infer<typeof DatasetVersion>

export const Datum = z
  .object({
    _id: objectIdHex(),
    datum_id: z.string(),
    split: nullable(z.enum(['train', 'val', 'test'])),
    asset_refs: z.record(z.string(), z.string()).default({}),
    metadata: jsonObject().default({}),
    annotation_set_ids: z.array(z.string()).default([]),
    created_at: instant(),
    updated_at: instant(),
  })
  .meta({ id: 'Datum' })
export type Datum = z.infer<typeof Datum>

export const ResolvedDatum = z
  .object({
    datum: Datum,
    assets: z.record(z.string(), Asset).default({}),
    annotation_sets: z.array(AnnotationSet).default([]),
    annotation_records: z.record(z.string(), z.array(AnnotationRecord)).default({}),
  })
  .meta({ id: 'ResolvedDatum' })
export type ResolvedDatum = z.infer<typeof ResolvedDatum>

export const ResolvedDatasetVersion = z
  .object({
    dataset_version: DatasetVersion,
    datums: z.array(ResolvedDatum).default([]),
  })
  .meta({ id: 'ResolvedDatasetVersion' })
export type ResolvedDatasetVersion = z.infer<typeof ResolvedDatasetVersion>
