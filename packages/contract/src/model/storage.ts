import { z } from 'zod'
import { jsonObject, nullable } from './primitives.ts'

/** `mount/name@version`, or `mount/name` when the version is null. Always derived, never trusted. */
export function qualifiedKey(ref: {
  readonly mount: string
  readonly name: string
  readonly version: string | null
}): string {
  return ref.version === null
    ? `${ref.mount}/${ref.name}`
    : `${ref.mount}/${ref.name}@${ref.version}`
}

export const StorageRef = z
  .object({
    mount: z.string(),
    name: z.string(),
    version: z.string().nullable().default('latest'),
    qualified_key: nullable(z.string()),
  })
  .overwrite((ref) => ({ ...ref, qualified_key: qualifiedKey(ref) }))
  .meta({ id: 'StorageRef' })
export type StorageRef = z.infer<typeof StorageRef>

export const ObjectPayloadDescriptor = z
  .object({
    asset_id: z.string(),
    storage_ref: StorageRef,
    media_type: z.string(),
    size_bytes: nullable(z.int()),
    checksum: nullable(z.string()),
    content_type: nullable(z.string()),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'ObjectPayloadDescriptor' })
export type ObjectPayloadDescriptor = z.infer<typeof ObjectPayloadDescriptor>

export const PayloadStatus = z
  .enum(['missing', 'uploading', 'present', 'corrupt'])
  .meta({ id: 'PayloadStatus' })
export type PayloadStatus = z.infer<typeof PayloadStatus>

export const SubjectRef = z
  .object({
    kind: z.enum(['asset', 'annotation']),
    id: z.string(),
  })
  .meta({ id: 'SubjectRef' })
export type SubjectRef = z.infer<typeof SubjectRef>
