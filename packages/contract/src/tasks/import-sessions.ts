import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import { StorageRef } from '../model/storage.ts'
import { DatasetSyncImportRequest, DatasetSyncProgress } from '../model/sync.ts'
import { DatasetSyncCommitResultOutput } from './dataset-sync.ts'
import { task } from './task.ts'

export const DatasetImportSessionCommitInput = z
  .object({
    session_id: z.string(),
  })
  .meta({ id: 'DatasetImportSessionCommitInput' })
export type DatasetImportSessionCommitInput = z.infer<typeof DatasetImportSessionCommitInput>

export const DatasetImportSessionStartOutput = z
  .object({
    session_id: z.string(),
    required_asset_ids: z.array(z.string()).default([]),
    expires_at: instant(),
  })
  .meta({ id: 'DatasetImportSessionStartOutput' })
export type DatasetImportSessionStartOutput = z.infer<typeof DatasetImportSessionStartOutput>

export const DatasetImportSessionStatusInput = z
  .object({
    session_id: z.string(),
  })
  .meta({ id: 'DatasetImportSessionStatusInput' })
export type DatasetImportSessionStatusInput = z.infer<typeof DatasetImportSessionStatusInput>

export const DatasetImportSessionStatusOutput = z
  .object({
    session_id: z.string(),
    status: z.enum(['open', 'committed', 'failed']),
    expires_at: instant(),
    metadata_graph_committed: z.boolean().default(false),
    session_stage: nullable(z.string()),
    required_asset_ids: z.array(z.string()).default([]),
    verified_asset_ids: z.array(z.string()).default([]),
    required_asset_count: z.int().default(0),
    verified_asset_count: z.int().default(0),
    pending_asset_count: z.int().default(0),
    progress: nullable(DatasetSyncProgress),
    import_progress_updated_at: nullable(instant()),
    import_progress_error: nullable(z.string()),
    metadata_commit_cursor_entity_kind: nullable(z.string()),
    metadata_commit_cursor_completed_items: nullable(z.int()),
    metadata_commit_cursor_total_items: nullable(z.int()),
  })
  .meta({ id: 'DatasetImportSessionStatusOutput' })
export type DatasetImportSessionStatusOutput = z.infer<typeof DatasetImportSessionStatusOutput>

export const DatasetImportSessionUploadInput = z
  .object({
    session_id: z.string(),
    asset_id: z.string(),
    data_base64: z.string(),
  })
  .meta({ id: 'DatasetImportSessionUploadInput' })
export type DatasetImportSessionUploadInput = z.infer<typeof DatasetImportSessionUploadInput>

export const DatasetImportSessionUploadOutput = z
  .object({
    storage_ref: StorageRef,
  })
  .meta({ id: 'DatasetImportSessionUploadOutput' })
export type DatasetImportSessionUploadOutput = z.infer<typeof DatasetImportSessionUploadOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const importSessionsTasks = {
  'dataset_versions.import_session_start': task({
    summary: 'Plans an import, stores the bundle as an object and opens a 24 hour session.',
    input: DatasetSyncImportRequest,
    output: DatasetImportSessionStartOutput,
    statuses: [400, 413],
  }),
  'dataset_versions.import_session_commit_metadata': task({
    summary:
      'Writes the graph now, with payloads pending; already uploaded bytes are verified and attached.',
    input: DatasetImportSessionCommitInput,
    output: DatasetSyncCommitResultOutput,
    statuses: [400, 404],
  }),
  'dataset_versions.import_session_status': task({
    summary: 'Status, counters and last progress of a session.',
    input: DatasetImportSessionStatusInput,
    output: DatasetImportSessionStatusOutput,
    reads: true,
    statuses: [404],
  }),
  'dataset_versions.import_session_upload_payload': task({
    summary: 'Uploads the bytes of one required asset.',
    input: DatasetImportSessionUploadInput,
    output: DatasetImportSessionUploadOutput,
    statuses: [400, 404, 409],
  }),
  'dataset_versions.import_session_commit': task({
    summary:
      'Closes the session: imports everything, or just confirms when metadata was committed before.',
    input: DatasetImportSessionCommitInput,
    output: DatasetSyncCommitResultOutput,
    statuses: [400, 404],
  }),
} as const
