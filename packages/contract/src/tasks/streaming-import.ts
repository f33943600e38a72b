import { z } from 'zod'
import { AnnotationRecord, AnnotationSchema, AnnotationSet } from '../model/annotations.ts'
import { Asset } from '../model/assets.ts'
import { Datum } from '../model/datasets.ts'
import { instant, nullable } from '../model/primitives.ts'
import { checkPreserveIds } from '../model/request-rules.ts'
import { DatasetSyncProgress } from '../model/sync.ts'
import { DatasetSyncCommitResultOutput } from './dataset-sync.ts'
import { task } from './task.ts'

export const DatasetStreamingAssetPayloadInput = z
  .object({
    asset_id: z.string(),
    data_base64: z.string(),
  })
  .meta({ id: 'DatasetStreamingAssetPayloadInput' })
export type DatasetStreamingAssetPayloadInput = z.infer<typeof DatasetStreamingAssetPayloadInput>

export const DatasetStreamingImportDatumBatchItem = z
  .object({
    manifest_index: z.int().min(0),
    datum: Datum,
    assets: z.array(Asset).default([]),
    annotation_schemas: z.array(AnnotationSchema).default([]),
    annotation_records: z.array(AnnotationRecord).default([]),
    annotation_sets: z.array(AnnotationSet).default([]),
    payloads: z.array(DatasetStreamingAssetPayloadInput).default([]),
  })
  .meta({ id: 'DatasetStreamingImportDatumBatchItem' })
export type DatasetStreamingImportDatumBatchItem = z.infer<
  typeof DatasetStreamingImportDatumBatchItem
>

export const DatasetStreamingImportFinalizeInput = z
  .object({
    session_id: z.string(),
  })
  .meta({ id: 'DatasetStreamingImportFinalizeInput' })
export type DatasetStreamingImportFinalizeInput = z.infer<
  typeof DatasetStreamingImportFinalizeInput
>

export const DatasetStreamingImportPushBatchInput = z
  .object({
    session_id: z.string(),
    items: z.array(DatasetStreamingImportDatumBatchItem).default([]),
  })
  .meta({ id: 'DatasetStreamingImportPushBatchInput' })
export type DatasetStreamingImportPushBatchInput = z.infer<
  typeof DatasetStreamingImportPushBatchInput
>

export const DatasetStreamingImportPushBatchOutput = z
  .object({
    session_id: z.string(),
    processed_manifest_items: z.int().default(0),
    required_asset_count: z.int().default(0),
    verified_asset_count: z.int().default(0),
    pending_asset_count: z.int().default(0),
    progress: nullable(DatasetSyncProgress),
  })
  .meta({ id: 'DatasetStreamingImportPushBatchOutput' })
export type DatasetStreamingImportPushBatchOutput = z.infer<
  typeof DatasetStreamingImportPushBatchOutput
>

export const DatasetStreamingImportStartInput = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    manifest_total: z.int().min(0).default(0),
    source_alias: nullable(z.string()),
    transfer_policy: z.string().default('copy_if_missing'),
    mount_map: z.record(z.string(), z.string()).default({}),
    preserve_ids: z.boolean().default(true),
    origin_lake_id: nullable(z.string()),
  })
  .superRefine(checkPreserveIds)
  .meta({ id: 'DatasetStreamingImportStartInput' })
export type DatasetStreamingImportStartInput = z.infer<typeof DatasetStreamingImportStartInput>

export const DatasetStreamingImportStartOutput = z
  .object({
    session_id: z.string(),
    expires_at: instant(),
  })
  .meta({ id: 'DatasetStreamingImportStartOutput' })
export type DatasetStreamingImportStartOutput = z.infer<typeof DatasetStreamingImportStartOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const streamingImportTasks = {
  'dataset_versions.streaming_import_start': task({
    summary: 'Opens a 24 hour streaming session for one dataset version.',
    input: DatasetStreamingImportStartInput,
    output: DatasetStreamingImportStartOutput,
  }),
  'dataset_versions.streaming_import_push_batch': task({
    summary: 'Upserts a batch of datums with their rows and inline payload bytes.',
    input: DatasetStreamingImportPushBatchInput,
    output: DatasetStreamingImportPushBatchOutput,
    statuses: [400, 404, 409],
  }),
  'dataset_versions.streaming_import_finalize': task({
    summary: 'Creates the dataset version from the pushed datums and closes the session.',
    input: DatasetStreamingImportFinalizeInput,
    output: DatasetSyncCommitResultOutput,
    statuses: [400, 404],
  }),
} as const
