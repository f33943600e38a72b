import { z } from 'zod'
import { nullable } from '../model/primitives.ts'
import {
  DatasetSyncCommitResult,
  DatasetSyncImportPlan,
  DatasetSyncImportRequest,
  DatasetSyncProgress,
} from '../model/sync.ts'
import { DatasetSyncCommitResultOutput } from './dataset-sync.ts'
import { task } from './task.ts'

export const DatasetSyncImportPlanOutput = z
  .object({
    plan: DatasetSyncImportPlan,
  })
  .meta({ id: 'DatasetSyncImportPlanOutput' })
export type DatasetSyncImportPlanOutput = z.infer<typeof DatasetSyncImportPlanOutput>

export const DatasetSyncJobErrorDetail = z
  .object({
    exception_type: z.string(),
    exception_repr: z.string().max(32768),
    traceback: nullable(z.string()),
  })
  .meta({ id: 'DatasetSyncJobErrorDetail' })
export type DatasetSyncJobErrorDetail = z.infer<typeof DatasetSyncJobErrorDetail>

export const DatasetSyncJobMode = z
  .enum(['prepare', 'import', 'fast_sync'])
  .meta({ id: 'DatasetSyncJobMode' })
export type DatasetSyncJobMode = z.infer<typeof DatasetSyncJobMode>

export const DatasetSyncJobStatus = z
  .enum(['queued', 'running', 'completed', 'failed'])
  .meta({ id: 'DatasetSyncJobStatus' })
export type DatasetSyncJobStatus = z.infer<typeof DatasetSyncJobStatus>

export const DatasetSyncJobResultOutput = z
  .object({
    job_id: z.string(),
    mode: DatasetSyncJobMode,
    status: DatasetSyncJobStatus,
    progress: DatasetSyncProgress,
    plan: nullable(DatasetSyncImportPlan),
    result: nullable(DatasetSyncCommitResult),
    error: nullable(z.string()),
    error_detail: nullable(DatasetSyncJobErrorDetail),
  })
  .meta({ id: 'DatasetSyncJobResultOutput' })
export type DatasetSyncJobResultOutput = z.infer<typeof DatasetSyncJobResultOutput>

export const DatasetSyncJobStartOutput = z
  .object({
    job_id: z.string(),
    mode: DatasetSyncJobMode,
    status: DatasetSyncJobStatus,
    progress: DatasetSyncProgress,
  })
  .meta({ id: 'DatasetSyncJobStartOutput' })
export type DatasetSyncJobStartOutput = z.infer<typeof DatasetSyncJobStartOutput>

export const DatasetSyncJobStatusInput = z
  .object({
    job_id: z.string(),
  })
  .meta({ id: 'DatasetSyncJobStatusInput' })
export type DatasetSyncJobStatusInput = z.infer<typeof DatasetSyncJobStatusInput>

export const DatasetSyncJobStatusOutput = z
  .object({
    job_id: z.string(),
    mode: DatasetSyncJobMode,
    status: DatasetSyncJobStatus,
    progress: DatasetSyncProgress,
    error: nullable(z.string()),
    error_detail: nullable(DatasetSyncJobErrorDetail),
  })
  .meta({ id: 'DatasetSyncJobStatusOutput' })
export type DatasetSyncJobStatusOutput = z.infer<typeof DatasetSyncJobStatusOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const datasetImportTasks = {
  'dataset_versions.import_prepare': task({
    summary: 'Plans an import of a bundle and returns it; stores nothing.',
    input: DatasetSyncImportRequest,
    output: DatasetSyncImportPlanOutput,
    reads: true,
    statuses: [400],
  }),
  'dataset_versions.import_commit': task({
    summary: 'Imports a bundle synchronously.',
    input: DatasetSyncImportRequest,
    output: DatasetSyncCommitResultOutput,
    statuses: [400, 409],
  }),
  'dataset_versions.import_prepare_start': task({
    summary: 'Starts import_prepare as a background job.',
    input: DatasetSyncImportRequest,
    output: DatasetSyncJobStartOutput,
  }),
  'dataset_versions.import_start': task({
    summary: 'Starts import_commit as a background job.',
    input: DatasetSyncImportRequest,
    output: DatasetSyncJobStartOutput,
  }),
  'dataset_versions.import_job_status': task({
    summary: 'Status and progress of a job.',
    input: DatasetSyncJobStatusInput,
    output: DatasetSyncJobStatusOutput,
    reads: true,
    statuses: [404],
  }),
  'dataset_versions.import_job_result': task({
    summary: 'As job status, plus plan (prepare) or result (import).',
    input: DatasetSyncJobStatusInput,
    output: DatasetSyncJobResultOutput,
    reads: true,
    statuses: [404],
  }),
} as const
