import type { DirectUploadSession, ObjectUploadSessionOutput } from '@mindtrace/contract'
import { type Clock, isMindtraceError, MindtraceError, toInstant } from '@mindtrace/core'
import type { PartsUpload, StagedTarget } from '@mindtrace/registry'
import type { z } from 'zod'
import type { Records } from '../records/records.ts'
import { notFound } from '../records/references.ts'
import type { uploadStates } from './upload-collections.ts'

/** A session as it is stored. */
export type UploadSession = Omit<DirectUploadSession, '_id'>

/** What we know of it besides. */
export type UploadState = z.output<(typeof uploadStates)['schema']>

/** The statuses in which a session may still become an object. */
export const openStatuses = ['pending', 'expired'] as const

/** Before any time at which something could be leased. */
export const neverLeased = '1970-01-01T00:00:00.000Z'

/** Whether it has become an object; `cleaned` is the reference's, which never sets it. */
export function isCompleted({ status }: Pick<UploadSession, 'status'>): boolean {
  return status === 'completed' || status === 'cleaned'
}

/** @throws `NOT_FOUND`. */
export async function sessionOf(records: Records, id: string): Promise<UploadSession> {
  try {
    return await records.uploadSessions.get(id)
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND'))
      throw notFound('Upload session', 'upload_session_id', [id])
    throw error
  }
}

/** Where the bytes of a session wait. What it says is checked by the mount before use. */
export function targetOf({
  staged_reference,
}: Pick<UploadSession, 'staged_reference'>): StagedTarget {
  const { kind, path } = staged_reference
  const isKnown = kind === 'local_file' || kind === 's3_object' || kind === 'gcs_object'
  if (isKnown && typeof path === 'string') return { kind, path }
  throw new MindtraceError(
    'CORRUPT',
    `an upload session waits in '${String(kind)}', which is no place`,
  )
}

/** A session as callers see it. */
export function viewOf(session: UploadSession): ObjectUploadSessionOutput {
  return {
    upload_session_id: session.upload_session_id,
    finalize_token: session.finalize_token,
    name: session.name,
    mount: session.mount,
    requested_version: session.requested_version,
    resolved_version: session.resolved_version,
    upload_method: session.upload_method,
    upload_url: session.upload_url,
    upload_path: session.upload_path,
    upload_headers: session.upload_headers,
    content_type: session.content_type,
    status: session.status,
    storage_ref: session.storage_ref,
    failure_reason: session.failure_reason,
    verification_attempts: session.verification_attempts,
    last_verified_at: session.last_verified_at,
    expires_at: session.expires_at,
    completed_at: session.completed_at,
    cleanup_completed_at: session.cleanup_completed_at,
  }
}

/** An instant so much later. */
export function later(instant: string, milliseconds: number): string {
  return toInstant(new Date(Date.parse(instant) + milliseconds))
}

/** The later of two instants. */
export function latest(a: string, b: string): string {
  return a > b ? a : b
}

/** What may still arrive is removed so long after a session could be used. */
const lateMs = 24 * 3_600_000

/** What becomes of our row when its session has come to an end: one more look, for what arrives late. */
export function lastLook(session: Pick<UploadSession, 'expires_at'>, clock: Clock) {
  return {
    owner: null,
    leased_until: neverLeased,
    due_at: later(latest(clock.now(), session.expires_at), lateMs),
    is_last_look: true,
    is_confirmed: false,
    parts_upload_id: null,
    parts_key: null,
  } as const
}

/** The store's upload in parts, if one was begun. */
export function partsOf({ parts_upload_id, parts_key }: UploadState): PartsUpload | undefined {
  if (parts_upload_id === null || parts_key === null) return undefined
  return { uploadId: parts_upload_id, key: parts_key }
}
