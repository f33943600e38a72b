import { type CallOptions, isMindtraceError } from '@mindtrace/core'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import { reconcileUploads } from './reconcile-uploads.ts'
import { viewOf } from './upload-rows.ts'
import type { NewUpload, UploadSessions } from './upload-sessions.ts'

/** Upload sessions: the reference's two tasks, and what we add to them. */
export function uploadHandlers(parts: LakeParts, uploads: UploadSessions) {
  return {
    'objects.upload_session.create': async (input, options) =>
      viewOf(await uploads.create(input, options)),
    'objects.upload_session.complete': async ({ metadata, ...ticket }, options) =>
      viewOf(await uploads.complete(ticket, { metadata, sizeBytes: null, sha256: null }, options)),
    'uploads.begin': async ({ local_path, ...input }, options) => {
      const registry = parts.store.writable(input.mount ?? undefined)
      if (input.through_lake) {
        const session = viewOf(await uploads.createAppended(input, options))
        return { session, part_limits: null }
      }
      const takesRequests = registry.uploads.partLimits !== undefined
      const session =
        takesRequests || local_path ? await createIfTaken(uploads, input, options) : null
      return {
        session: session && viewOf(session),
        part_limits: session && uploads.partLimitsOf(session),
      }
    },
    'uploads.get': async (ticket, options) => {
      const session = await uploads.open(ticket, options)
      const state = await uploads.stateOf(session.upload_session_id)
      return {
        session: viewOf(session),
        size_bytes: state?.size_bytes ?? null,
        sha256: state?.sha256 ?? null,
        part_limits: uploads.partLimitsOf(session),
        part_bytes: state?.parts_upload_id == null ? null : state.part_bytes,
      }
    },
    'uploads.progress': async (ticket, options) => {
      const { session, ...progress } = await uploads.progress(ticket, options)
      return { session: viewOf(session), ...progress }
    },
    'uploads.parts.begin': ({ part_bytes, ...ticket }, options) =>
      uploads.beginParts(ticket, part_bytes, options),
    'uploads.parts.sign': ({ numbers, ...ticket }, options) =>
      uploads.signParts(ticket, numbers, options),
    'uploads.parts.list': async (ticket, options) => ({
      parts: await uploads.listParts(ticket, options),
    }),
    'uploads.complete': async ({ metadata, size_bytes, sha256, ...ticket }, options) => {
      const completion = { metadata, sizeBytes: size_bytes, sha256 }
      return { session: viewOf(await uploads.complete(ticket, completion, options)) }
    },
    'uploads.abort': async (ticket, options) => ({
      session: viewOf(await uploads.abort(ticket, options)),
    }),
    'uploads.reconcile': ({ limit }, options) => reconcileUploads(parts, uploads, limit, options),
  } satisfies Handlers
}

/** Null where the mount takes no uploads: the caller streams the bytes to the lake. */
async function createIfTaken(uploads: UploadSessions, input: NewUpload, options: CallOptions) {
  try {
    return await uploads.create(input, options)
  } catch (error) {
    if (isMindtraceError(error, 'NOT_IMPLEMENTED')) return null
    throw error
  }
}
