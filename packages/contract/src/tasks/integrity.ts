import { z } from 'zod'
import { nullable } from '../model/primitives.ts'
import { task } from './task.ts'

export const DatasetIntegrityIssueSample = z
  .object({
    kind: z.string(),
    id: z.string(),
    detail: nullable(z.string()),
  })
  .meta({ id: 'DatasetIntegrityIssueSample' })
export type DatasetIntegrityIssueSample = z.infer<typeof DatasetIntegrityIssueSample>

export const DatasetIntegrityVerifyInput = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    mode: z.enum(['fast', 'full-db', 'full-lake']).default('fast'),
    sample_limit: z.int().min(1).max(500).default(25),
  })
  .meta({ id: 'DatasetIntegrityVerifyInput' })
export type DatasetIntegrityVerifyInput = z.infer<typeof DatasetIntegrityVerifyInput>

export const DatasetIntegrityVerifyOutput = z
  .object({
    ok: z.boolean(),
    dataset_name: z.string(),
    version: z.string(),
    mode: z.enum(['fast', 'full-db', 'full-lake']),
    manifest_count: z.int().default(0),
    resolved_manifest_count: z.int().default(0),
    duplicate_manifest_count: z.int().default(0),
    missing_manifest_datum_count: z.int().default(0),
    missing_asset_count: z.int().default(0),
    missing_annotation_set_count: z.int().default(0),
    missing_annotation_record_count: z.int().default(0),
    missing_annotation_schema_count: z.int().default(0),
    missing_mask_asset_count: z.int().default(0),
    registry_missing_payload_count: z.int().default(0),
    invalid_mount_count: z.int().default(0),
    samples: z.array(DatasetIntegrityIssueSample).default([]),
  })
  .meta({ id: 'DatasetIntegrityVerifyOutput' })
export type DatasetIntegrityVerifyOutput = z.infer<typeof DatasetIntegrityVerifyOutput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const integrityTasks = {
  'dataset_versions.verify_integrity': task({
    summary: 'Counts dangling references of a version and returns samples.',
    input: DatasetIntegrityVerifyInput,
    output: DatasetIntegrityVerifyOutput,
    reads: true,
    statuses: [404],
  }),
} as const
