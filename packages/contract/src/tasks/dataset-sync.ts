import { z } from 'zod'
import { StorageRef } from '../model/storage.ts'
import { DatasetSyncCommitResult } from '../model/sync.ts'
import { task } from './task.ts'

export const DatasetSyncCommitResultOutput = z
  .object({
    result: DatasetSyncCommitResult,
  })
  .meta({ id: 'DatasetSyncCommitResultOutput' })
export type DatasetSyncCommitResultOutput = z.infer<typeof DatasetSyncCommitResultOutput>

export const DatasetSyncFinalizeGraphInput = z
  .object({
    session_id: z.string(),
  })
  .meta({ id: 'DatasetSyncFinalizeGraphInput' })
export type DatasetSyncFinalizeGraphInput = z.infer<typeof DatasetSyncFinalizeGraphInput>

export const DatasetSyncHydratePayloadsInput = z
  .object({
    session_id: z.string(),
    asset_id: z.string(),
    data_base64: z.string(),
  })
  .meta({ id: 'DatasetSyncHydratePayloadsInput' })
export type DatasetSyncHydratePayloadsInput = z.infer<typeof DatasetSyncHydratePayloadsInput>

export const DatasetSyncHydratePayloadsOutput = z
  .object({
    storage_ref: StorageRef,
  })
  .meta({ id: 'DatasetSyncHydratePayloadsOutput' })
export type DatasetSyncHydratePayloadsOutput = z.infer<typeof DatasetSyncHydratePayloadsOutput>

export const DatasetSyncImportGraphInput = z
  .object({
    session_id: z.string(),
  })
  .meta({ id: 'DatasetSyncImportGraphInput' })
export type DatasetSyncImportGraphInput = z.infer<typeof DatasetSyncImportGraphInput>

export const DatasetSyncImportGraphOutput = z
  .object({
    result: DatasetSyncCommitResult,
  })
  .meta({ id: 'DatasetSyncImportGraphOutput' })
export type DatasetSyncImportGraphOutput = z.infer<typeof DatasetSyncImportGraphOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const datasetSyncTasks = {
  'dataset_sync.import_graph': task({
    summary: "Fast path: inserts the whole graph of a session's bundle with payloads missing.",
    input: DatasetSyncImportGraphInput,
    output: DatasetSyncImportGraphOutput,
    statuses: [400, 404, 409],
  }),
  'dataset_sync.hydrate_payload': task({
    summary: "Uploads and verifies the bytes of one asset of the session's bundle.",
    input: DatasetSyncHydratePayloadsInput,
    output: DatasetSyncHydratePayloadsOutput,
    statuses: [400, 404],
  }),
  'dataset_sync.finalize_graph': task({
    summary: 'Checks that all required payloads are present and closes the session.',
    input: DatasetSyncFinalizeGraphInput,
    output: DatasetSyncCommitResultOutput,
    statuses: [400, 404],
  }),
} as const
