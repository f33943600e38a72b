import { z } from 'zod'
import { AnnotationRecord, AnnotationSchema, AnnotationSet } from './annotations.ts'
import { Asset } from './assets.ts'
import { Datum } from './datasets.ts'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'
import { checkMountMap } from './request-rules.ts'

export const ReplicationMode = z.literal('metadata_first').meta({ id: 'ReplicationMode' })
export type ReplicationMode = z.infer<typeof ReplicationMode>

export const ReplicationBatchRequest = z
  .object({
    assets: z.array(Asset).default([]),
    annotation_schemas: z.array(AnnotationSchema).default([]),
    annotation_sets: z.array(AnnotationSet).default([]),
    annotation_records: z.array(AnnotationRecord).default([]),
    datums: z.array(Datum).default([]),
    origin_lake_id: z.string(),
    replication_mode: ReplicationMode.default('metadata_first'),
    mount_map: z.record(z.string(), z.string()).default({}),
  })
  .superRefine(checkMountMap)
  .meta({ id: 'ReplicationBatchRequest' })
export type ReplicationBatchRequest = z.infer<typeof ReplicationBatchRequest>

export const ReplicationBatchResult = z
  .object({
    created_assets: z.int().default(0),
    updated_assets: z.int().default(0),
    created_annotation_schemas: z.int().default(0),
    updated_annotation_schemas: z.int().default(0),
    created_annotation_sets: z.int().default(0),
    updated_annotation_sets: z.int().default(0),
    created_annotation_records: z.int().default(0),
    updated_annotation_records: z.int().default(0),
    created_datums: z.int().default(0),
    updated_datums: z.int().default(0),
  })
  .meta({ id: 'ReplicationBatchResult' })
export type ReplicationBatchResult = z.infer<typeof ReplicationBatchResult>

export const ReplicationEntityKind = z
  .enum([
    'asset',
    'asset_alias',
    'asset_retention',
    'annotation_record',
    'annotation_schema',
    'annotation_set',
    'collection',
    'collection_item',
    'datum',
    'dataset_version',
    'storage_object',
  ])
  .meta({ id: 'ReplicationEntityKind' })
export type ReplicationEntityKind = z.infer<typeof ReplicationEntityKind>

export const ReplicationHydratePolicy = z
  .enum(['manual', 'async', 'immediate'])
  .meta({ id: 'ReplicationHydratePolicy' })
export type ReplicationHydratePolicy = z.infer<typeof ReplicationHydratePolicy>

export const ReplicationReclaimRequest = z
  .object({
    asset_ids: z.array(z.string()).default([]),
    limit: nullable(z.int()),
    require_verified_payload: z.boolean().default(true),
  })
  .meta({ id: 'ReplicationReclaimRequest' })
export type ReplicationReclaimRequest = z.infer<typeof ReplicationReclaimRequest>

export const ReplicationReclaimResult = z
  .object({
    attempted_asset_ids: z.array(z.string()).default([]),
    reclaimed_asset_ids: z.array(z.string()).default([]),
    failed_asset_ids: z.array(z.string()).default([]),
    skipped_asset_ids: z.array(z.string()).default([]),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'ReplicationReclaimResult' })
export type ReplicationReclaimResult = z.infer<typeof ReplicationReclaimResult>

export const ReplicationReconcileRequest = z
  .object({
    asset_ids: z.array(z.string()).default([]),
    limit: nullable(z.int()),
    include_failed: z.boolean().default(true),
    mount_map: z.record(z.string(), z.string()).default({}),
  })
  .superRefine(checkMountMap)
  .meta({ id: 'ReplicationReconcileRequest' })
export type ReplicationReconcileRequest = z.infer<typeof ReplicationReconcileRequest>

export const ReplicationReconcileResult = z
  .object({
    attempted_asset_ids: z.array(z.string()).default([]),
    verified_asset_ids: z.array(z.string()).default([]),
    failed_asset_ids: z.array(z.string()).default([]),
    skipped_asset_ids: z.array(z.string()).default([]),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'ReplicationReconcileResult' })
export type ReplicationReconcileResult = z.infer<typeof ReplicationReconcileResult>

export const ReplicationStatusResult = z
  .object({
    asset_counts_by_payload_status: z.record(z.string(), z.int()).default({}),
    pending_asset_ids: z.array(z.string()).default([]),
    failed_asset_ids: z.array(z.string()).default([]),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'ReplicationStatusResult' })
export type ReplicationStatusResult = z.infer<typeof ReplicationStatusResult>

export const ReplicationTaskStatus = z
  .enum([
    'pending',
    'claimed',
    'syncing_metadata',
    'hydrating_payloads',
    'complete',
    'failed',
    'dead',
    'cancelled',
  ])
  .meta({ id: 'ReplicationTaskStatus' })
export type ReplicationTaskStatus = z.infer<typeof ReplicationTaskStatus>

export const ReplicationTask = z
  .object({
    _id: objectIdHex(),
    task_id: z.string(),
    rule_id: nullable(z.string()),
    target_lake_id: z.string(),
    root_kind: ReplicationEntityKind,
    root_id: z.string(),
    dedupe_key: z.string(),
    status: ReplicationTaskStatus.default('pending'),
    hydrate_policy: ReplicationHydratePolicy.default('async'),
    mount_map: z.record(z.string(), z.string()).default({}),
    include_graph: z.boolean().default(true),
    attempts: z.int().default(0),
    max_attempts: z.int().default(5),
    next_attempt_at: instant(),
    claimed_by: nullable(z.string()),
    claimed_at: nullable(instant()),
    lease_expires_at: nullable(instant()),
    last_error: nullable(z.string()),
    last_progress_phase: nullable(z.string()),
    last_progress_message: nullable(z.string()),
    last_progress_completed_items: nullable(z.int()),
    last_progress_total_items: nullable(z.int()),
    last_progress_bytes_completed: nullable(z.int()),
    last_progress_bytes_total: nullable(z.int()),
    metadata: jsonObject().default({}),
    created_at: instant(),
    updated_at: instant(),
    completed_at: nullable(instant()),
  })
  .meta({ id: 'ReplicationTask' })
export type ReplicationTask = z.infer<typeof ReplicationTask>

export const ReplicationRule = z
  .object({
    _id: objectIdHex(),
    rule_id: z.string(),
    name: z.string(),
    enabled: z.boolean().default(true),
    target_lake_id: z.string(),
    root_kinds: z.array(ReplicationEntityKind).default(['asset']),
    selector: jsonObject().default({}),
    include_graph: z.boolean().default(true),
    hydrate_policy: ReplicationHydratePolicy.default('async'),
    transfer_policy: z.literal('metadata_first').default('metadata_first'),
    mount_map: z.record(z.string(), z.string()).default({}),
    batch_size: z.int().default(100),
    max_attempts: z.int().default(5),
    metadata: jsonObject().default({}),
    created_at: instant(),
    updated_at: instant(),
  })
  .meta({ id: 'ReplicationRule' })
export type ReplicationRule = z.infer<typeof ReplicationRule>
