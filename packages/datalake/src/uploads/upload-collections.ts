import { DirectUploadSession, instant, jsonObject, nullable } from '@mindtrace/contract'
import { defineCollection } from '@mindtrace/database'
import { z } from 'zod'

/** The sessions as the Python reference keeps them. Nothing of ours may be in them. */
export const uploadSessions = defineCollection({
  name: 'datalake_direct_upload_sessions',
  shared: true,
  schema: DirectUploadSession.omit({ _id: true }),
  key: 'upload_session_id',
  indexes: [
    { on: ['mount'], only: 'mongo' },
    { on: ['name'], only: 'mongo' },
    { on: ['status'], only: 'mongo' },
    { on: ['expires_at'], only: 'mongo' },
    { on: ['cleanup_completed_at'], only: 'mongo' },
    { on: ['mount', 'name', 'status'], only: 'mongo' },
    { on: ['status', 'expires_at', 'upload_session_id'], name: 'mt_status_expires' },
  ],
})

/**
 * What only we know of a session, from its creation until nothing of it can be left in its mount: who works
 * on it, what is to become of it, and when somebody has to look.
 */
export const uploadStates = defineCollection({
  name: 'mt_uploads',
  schema: z.object({
    upload_session_id: z.string(),
    mount: z.string(),
    /** Where the bytes wait, as in the session. */
    staged_reference: jsonObject(),
    /** The process that works on it, until `leased_until`. */
    owner: nullable(z.string()),
    leased_until: instant(),
    /** When the reconciler looks at it next. */
    due_at: instant(),
    /** Whether that look is the last: what arrived late is removed, and this row. */
    is_last_look: z.boolean().default(false),
    /** Declared by the client; null where it declared nothing. */
    size_bytes: nullable(z.int()),
    sha256: nullable(z.string()),
    /**
     * Whether the client has asked to complete it and what it becomes is decided. From here on the
     * completion is carried on by whoever comes, and ends in one object.
     */
    is_confirmed: z.boolean().default(false),
    /** The version it becomes, null where the mount keeps none. */
    version: nullable(z.string()),
    /** The bytes that were there when it was decided. */
    staged_bytes: nullable(z.int()),
    metadata: jsonObject().default({}),
    /** The store's upload in parts. */
    parts_upload_id: nullable(z.string()),
    parts_key: nullable(z.string()),
    part_bytes: nullable(z.int()),
    /** Whether the bytes come through the lake, in order. */
    is_appended: z.boolean().default(false),
  }),
  key: 'upload_session_id',
  indexes: [{ on: ['due_at', 'upload_session_id'], name: 'mt_upload_due' }],
})

/** Keys by which every process of a lake signs and knows addresses of payloads. */
export const signingKeys = defineCollection({
  name: 'mt_signing_keys',
  schema: z.object({
    key_id: z.string(),
    /** 32 random bytes in base64. */
    secret: z.string(),
    created_at: instant(),
  }),
  key: 'key_id',
})
