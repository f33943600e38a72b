import { z } from 'zod'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'
import { PayloadStatus, StorageRef, SubjectRef } from './storage.ts'

export const Asset = z
  .object({
    _id: objectIdHex(),
    asset_id: z.string(),
    kind: z.enum(['image', 'mask', 'artifact', 'embedding', 'document', 'other']),
    media_type: z.string(),
    storage_ref: StorageRef,
    checksum: nullable(z.string()),
    size_bytes: nullable(z.int()),
    payload_status: PayloadStatus.default('present'),
    payload_status_updated_at: instant().nullable().default(null),
    payload_status_reason: nullable(z.string()),
    payload_storage_ref: nullable(StorageRef),
    payload_checksum: nullable(z.string()),
    payload_size_bytes: nullable(z.int()),
    payload_verified_at: nullable(instant()),
    subject: nullable(SubjectRef),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'Asset' })
export type Asset = z.infer<typeof Asset>

export const AssetAlias = z
  .object({
    _id: objectIdHex(),
    alias_id: z.string(),
    alias: z.string(),
    asset_id: z.string(),
    is_primary: z.boolean().default(false),
    created_at: instant(),
  })
  .meta({ id: 'AssetAlias' })
export type AssetAlias = z.infer<typeof AssetAlias>

export const AssetRetention = z
  .object({
    _id: objectIdHex(),
    asset_retention_id: z.string(),
    asset_id: z.string(),
    owner_type: z.enum([
      'collection_import',
      'dataset_version',
      'global_corpus',
      'job_run',
      'manual_pin',
      'system',
    ]),
    owner_id: z.string(),
    retention_policy: z
      .enum(['retain', 'delete_when_unreferenced', 'archive_when_unreferenced'])
      .default('retain'),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'AssetRetention' })
export type AssetRetention = z.infer<typeof AssetRetention>
