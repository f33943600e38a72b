import { z } from 'zod'
import { AnnotationRecord, AnnotationSchema, AnnotationSet } from './annotations.ts'
import { Asset } from './assets.ts'
import { DatasetVersion, Datum } from './datasets.ts'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'
import { checkImportRequest } from './request-rules.ts'
import { ObjectPayloadDescriptor, StorageRef } from './storage.ts'

export const DatasetSyncBundle = z
  .object({
    dataset_version: DatasetVersion,
    datums: z.array(Datum).default([]),
    assets: z.array(Asset).default([]),
    annotation_sets: z.array(AnnotationSet).default([]),
    annotation_records: z.array(AnnotationRecord).default([]),
    annotation_schemas: z.array(AnnotationSchema).default([]),
    payloads: z.array(ObjectPayloadDescriptor).default([]),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'DatasetSyncBundle' })
export type DatasetSyncBundle = z.infer<typeof DatasetSyncBundle>

export const DatasetSyncCommitResult = z
  .object({
    dataset_version: DatasetVersion,
    created_assets: z.int().default(0),
    created_annotation_schemas: z.int().default(0),
    created_annotation_records: z.int().default(0),
    created_annotation_sets: z.int().default(0),
    created_datums: z.int().default(0),
    transferred_payloads: z.int().default(0),
    skipped_payloads: z.int().default(0),
  })
  .meta({ id: 'DatasetSyncCommitResult' })
export type DatasetSyncCommitResult = z.infer<typeof DatasetSyncCommitResult>

export const TransferPolicy = z
  .enum(['copy', 'copy_if_missing', 'metadata_only', 'fail_if_missing_payload'])
  .meta({ id: 'TransferPolicy' })
export type TransferPolicy = z.infer<typeof TransferPolicy>

export const DatasetSyncPayloadPlan = z
  .object({
    asset_id: z.string(),
    source_storage_ref: StorageRef,
    target_storage_ref: StorageRef,
    target_exists: z.boolean(),
    transfer_required: z.boolean(),
    reason: z.string(),
  })
  .meta({ id: 'DatasetSyncPayloadPlan' })
export type DatasetSyncPayloadPlan = z.infer<typeof DatasetSyncPayloadPlan>

export const DatasetSyncImportPlan = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    transfer_policy: TransferPolicy,
    payloads: z.array(DatasetSyncPayloadPlan).default([]),
    missing_payload_count: z.int().default(0),
    transfer_required_count: z.int().default(0),
    ready_to_commit: z.boolean().default(false),
    total_payload_bytes: nullable(z.int()),
    transfer_required_bytes: nullable(z.int()),
  })
  .meta({ id: 'DatasetSyncImportPlan' })
export type DatasetSyncImportPlan = z.infer<typeof DatasetSyncImportPlan>

export const TargetObjectMatchPolicy = z
  .enum(['exists', 'size', 'checksum'])
  .meta({ id: 'TargetObjectMatchPolicy' })
export type TargetObjectMatchPolicy = z.infer<typeof TargetObjectMatchPolicy>

export const DatasetSyncImportRequest = z
  .object({
    bundle: DatasetSyncBundle,
    transfer_policy: TransferPolicy.default('copy_if_missing'),
    origin_lake_id: nullable(z.string()),
    preserve_ids: z.boolean().default(true),
    mount_map: z.record(z.string(), z.string()).default({}),
    planning_batch_size: z.int().min(1).default(500),
    planning_concurrency: z.int().min(1).default(32),
    transfer_batch_size: z.int().min(1).default(100),
    transfer_concurrency: z.int().min(1).default(8),
    commit_batch_size: z.int().min(1).default(1000),
    staged_payload_storage_refs: nullable(z.record(z.string(), StorageRef)),
    greenfield_skip_target_object_probes: z.boolean().default(true),
    greenfield_skip_target_metadata_probes: z.boolean().default(true),
    target_object_match_policy: TargetObjectMatchPolicy.default('exists'),
    commit_progress_every_items: z.int().min(1).default(100),
    commit_progress_every_seconds: z.number().gt(0).default(0.25),
    metadata_first: z.boolean().default(false),
    target_metadata_commit: z.boolean().default(false),
  })
  .superRefine(checkImportRequest)
  .meta({ id: 'DatasetSyncImportRequest' })
export type DatasetSyncImportRequest = z.infer<typeof DatasetSyncImportRequest>

export const DatasetSyncProgress = z
  .object({
    phase: z.enum(['planning', 'transferring', 'committing', 'complete', 'failed']),
    batch_index: z.int().default(0),
    total_batches: z.int().default(0),
    completed_items: z.int().default(0),
    total_items: z.int().default(0),
    message: z.string().default(''),
    entity_kind: nullable(z.string()),
    phase_detail: nullable(z.string()),
    entity_completed_items: nullable(z.int()),
    entity_total_items: nullable(z.int()),
    skipped_items: nullable(z.int()),
    failed_items: nullable(z.int()),
    current_asset_id: nullable(z.string()),
    items_per_second: nullable(z.number()),
    bytes_completed: nullable(z.int()),
    bytes_total: nullable(z.int()),
    bytes_per_second: nullable(z.number()),
  })
  .meta({ id: 'DatasetSyncProgress' })
export type DatasetSyncProgress = z.infer<typeof DatasetSyncProgress>

export const DatasetImportSession = z
  .object({
    _id: objectIdHex(),
    import_session_id: z.string(),
    status: z.enum(['open', 'committed', 'failed']).default('open'),
    bundle_data: jsonObject().default({}),
    bundle_storage_ref: nullable(StorageRef),
    bundle_sha256: nullable(z.string()),
    transfer_policy: z.string().default('copy_if_missing'),
    target_object_match_policy: z.string().default('exists'),
    preserve_ids: z.boolean().default(true),
    mount_map: z.record(z.string(), z.string()).default({}),
    origin_lake_id: nullable(z.string()),
    planning_batch_size: z.int().default(500),
    planning_concurrency: z.int().default(32),
    transfer_batch_size: z.int().default(100),
    transfer_concurrency: z.int().default(8),
    greenfield_skip_target_object_probes: z.boolean().default(true),
    greenfield_skip_target_metadata_probes: z.boolean().default(true),
    commit_progress_every_items: z.int().default(100),
    commit_progress_every_seconds: z.number().default(0.25),
    required_asset_ids: z.array(z.string()).default([]),
    staged_refs: z.record(z.string(), jsonObject()).default({}),
    metadata_graph_committed: z.boolean().default(false),
    verified_asset_ids: z.array(z.string()).default([]),
    dataset_name: nullable(z.string()),
    dataset_version: nullable(z.string()),
    expected_manifest_total: z.int().default(0),
    ordered_manifest_ids: z.array(z.string()).default([]),
    import_stage: nullable(z.string()),
    metadata_commit_cursor_entity_kind: nullable(z.string()),
    metadata_commit_cursor_completed_items: nullable(z.int()),
    metadata_commit_cursor_total_items: nullable(z.int()),
    import_progress_phase: nullable(z.string()),
    import_progress_batch_index: z.int().default(0),
    import_progress_total_batches: z.int().default(0),
    import_progress_completed_items: nullable(z.int()),
    import_progress_total_items: nullable(z.int()),
    import_progress_message: nullable(z.string()),
    import_progress_entity_kind: nullable(z.string()),
    import_progress_phase_detail: nullable(z.string()),
    import_progress_entity_completed_items: nullable(z.int()),
    import_progress_entity_total_items: nullable(z.int()),
    import_progress_bytes_completed: nullable(z.int()),
    import_progress_bytes_total: nullable(z.int()),
    import_progress_skipped_items: nullable(z.int()),
    import_progress_failed_items: nullable(z.int()),
    import_progress_updated_at: nullable(instant()),
    import_progress_error: nullable(z.string()),
    created_at: instant(),
    expires_at: instant(),
  })
  .meta({ id: 'DatasetImportSession' })
export type DatasetImportSession = z.infer<typeof DatasetImportSession>
