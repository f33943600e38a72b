import { z } from 'zod'
import { instant, jsonObject, nullable } from '../model/primitives.ts'
import { StorageRef } from '../model/storage.ts'
import { task } from './task.ts'

export const CompleteObjectUploadSessionInput = z
  .object({
    upload_session_id: z.string(),
    finalize_token: z.string(),
    metadata: nullable(jsonObject()),
  })
  .meta({ id: 'CompleteObjectUploadSessionInput' })
export type CompleteObjectUploadSessionInput = z.infer<typeof CompleteObjectUploadSessionInput>

export const CopyObjectInput = z
  .object({
    source: StorageRef,
    target_mount: z.string(),
    target_name: z.string(),
    target_version: nullable(z.string()),
  })
  .meta({ id: 'CopyObjectInput' })
export type CopyObjectInput = z.infer<typeof CopyObjectInput>

export const CreateObjectUploadSessionInput = z
  .object({
    name: z.string(),
    mount: nullable(z.string()),
    version: nullable(z.string()),
    metadata: nullable(jsonObject()),
    on_conflict: nullable(z.string()),
    content_type: z.string().default('application/octet-stream'),
    expires_in_minutes: z.int().default(60),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateObjectUploadSessionInput' })
export type CreateObjectUploadSessionInput = z.infer<typeof CreateObjectUploadSessionInput>

export const GetObjectInput = z
  .object({
    storage_ref: StorageRef,
  })
  .meta({ id: 'GetObjectInput' })
export type GetObjectInput = z.infer<typeof GetObjectInput>

export const HeadObjectInput = z
  .object({
    storage_ref: StorageRef,
  })
  .meta({ id: 'HeadObjectInput' })
export type HeadObjectInput = z.infer<typeof HeadObjectInput>

export const ObjectDataOutput = z
  .object({
    storage_ref: StorageRef,
    data_base64: z.string(),
  })
  .meta({ id: 'ObjectDataOutput' })
export type ObjectDataOutput = z.infer<typeof ObjectDataOutput>

export const ObjectHeadOutput = z
  .object({
    storage_ref: StorageRef,
    metadata: jsonObject(),
  })
  .meta({ id: 'ObjectHeadOutput' })
export type ObjectHeadOutput = z.infer<typeof ObjectHeadOutput>

export const ObjectOutput = z
  .object({
    storage_ref: StorageRef,
  })
  .meta({ id: 'ObjectOutput' })
export type ObjectOutput = z.infer<typeof ObjectOutput>

export const ObjectUploadSessionOutput = z
  .object({
    upload_session_id: z.string(),
    finalize_token: z.string(),
    name: z.string(),
    mount: z.string(),
    requested_version: nullable(z.string()),
    resolved_version: nullable(z.string()),
    upload_method: z.string(),
    upload_url: nullable(z.string()),
    upload_path: nullable(z.string()),
    upload_headers: z.record(z.string(), z.string()).default({}),
    content_type: z.string(),
    status: z.string(),
    storage_ref: nullable(StorageRef),
    failure_reason: nullable(z.string()),
    verification_attempts: z.int().default(0),
    last_verified_at: nullable(instant()),
    expires_at: instant(),
    completed_at: nullable(instant()),
    cleanup_completed_at: nullable(instant()),
  })
  .meta({ id: 'ObjectUploadSessionOutput' })
export type ObjectUploadSessionOutput = z.infer<typeof ObjectUploadSessionOutput>

export const PutObjectInput = z
  .object({
    name: z.string(),
    data_base64: z.string(),
    mount: nullable(z.string()),
    version: nullable(z.string()),
    metadata: nullable(jsonObject()),
    on_conflict: nullable(z.string()),
  })
  .meta({ id: 'PutObjectInput' })
export type PutObjectInput = z.infer<typeof PutObjectInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const objectsTasks = {
  'objects.put': task({
    summary: 'Stores base64-decoded bytes under mount/name and returns the resolved reference.',
    input: PutObjectInput,
    output: ObjectOutput,
    statuses: [400, 403, 404, 409],
  }),
  'objects.get': task({
    summary:
      'Reads a whole object and returns it base64-encoded together with the given reference.',
    input: GetObjectInput,
    output: ObjectDataOutput,
    reads: true,
    statuses: [404, 409],
  }),
  'objects.head': task({
    summary: 'Returns registry metadata of an object without its bytes.',
    input: HeadObjectInput,
    output: ObjectHeadOutput,
    reads: true,
    statuses: [400, 404],
  }),
  'objects.copy': task({
    summary: 'Copies an object to another mount, name or version.',
    input: CopyObjectInput,
    output: ObjectOutput,
    statuses: [404, 409],
  }),
  'objects.upload_session.create': task({
    summary:
      'Opens a direct upload: returns where and how the client must put the bytes, plus a finalize token.',
    input: CreateObjectUploadSessionInput,
    output: ObjectUploadSessionOutput,
    statuses: [400, 403, 404, 501],
  }),
  'objects.upload_session.complete': task({
    summary:
      'Verifies that the staged bytes exist, moves them to their final place and returns the completed session with storage_ref.',
    input: CompleteObjectUploadSessionInput,
    output: ObjectUploadSessionOutput,
    statuses: [400, 403, 404, 409],
  }),
} as const
