import { z } from 'zod'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'
import { StorageRef } from './storage.ts'

export const DirectUploadSession = z
  .object({
    _id: objectIdHex(),
    upload_session_id: z.string(),
    finalize_token: z.string(),
    name: z.string(),
    mount: z.string(),
    requested_version: nullable(z.string()),
    resolved_version: nullable(z.string()),
    upload_method: z.enum(['local_path', 'presigned_url']),
    upload_url: nullable(z.string()),
    upload_path: nullable(z.string()),
    upload_headers: z.record(z.string(), z.string()).default({}),
    staged_reference: jsonObject().default({}),
    content_type: z.string().default('application/octet-stream'),
    metadata: jsonObject().default({}),
    on_conflict: nullable(z.enum(['skip', 'overwrite'])),
    status: z.enum(['pending', 'completed', 'expired', 'failed', 'cleaned']).default('pending'),
    storage_ref: nullable(StorageRef),
    failure_reason: nullable(z.string()),
    verification_attempts: z.int().default(0),
    last_verified_at: nullable(instant()),
    created_at: instant(),
    expires_at: instant(),
    completed_at: nullable(instant()),
    cleanup_completed_at: nullable(instant()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'DirectUploadSession' })
export type DirectUploadSession = z.infer<typeof DirectUploadSession>
