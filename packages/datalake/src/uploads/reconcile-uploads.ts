import type { UploadReconcileOutput } from '@mindtrace/contract'
import { type CallOptions, mapBounded } from '@mindtrace/core'
import type { LakeParts } from '../lake-parts.ts'
import {
  later,
  neverLeased,
  partsOf,
  targetOf,
  type UploadSession,
  type UploadState,
} from './upload-rows.ts'
import type { UploadSessions } from './upload-sessions.ts'

/** Rows taken at a time: few, so that other processes share the work and a lease covers them. */
const batch = 20
const parallel = 4
/** A row that can't be dealt with is looked at again so much later, and given up so long after its session. */
const retryMs = 5 * 60_000
const giveUpMs = 7 * 24 * 3_600_000

type Outcome = keyof UploadReconcileOutput

/**
 * Deals with uploads that are due, up to `limit`: expires those that nobody completed, carries on
 * completions that were interrupted, removes what arrived too late. Any number of processes may do this at
 * once. A session that fails does not stop the others.
 */
export async function reconcileUploads(
  parts: LakeParts,
  sessions: UploadSessions,
  limit: number,
  options: CallOptions,
): Promise<UploadReconcileOutput> {
  const { records, clock } = parts
  const counts = { expired: 0, completed: 0, discarded: 0, failed: 0 }
  // Those of the Python service have no row of ours yet.
  const overdue = await records.uploadSessions.find(
    { status: 'pending', expires_at: { $lte: clock.now() } },
    { ...options, sort: ['expires_at'], limit },
  )
  await sessions.leases.adopt(overdue, clock.now())
  for (let left = limit; left > 0; ) {
    options.signal?.throwIfAborted()
    const claimed = await sessions.leases.claimDue(Math.min(batch, left), options)
    if (claimed.length === 0) break
    left -= claimed.length
    await mapBounded(claimed, parallel, async (state) => {
      const id = state.upload_session_id
      for (const outcome of await sessions.alone(id, () => settle(parts, sessions, state))) {
        counts[outcome] += 1
      }
    })
  }
  return counts
}

async function settle(
  parts: LakeParts,
  sessions: UploadSessions,
  state: UploadState,
): Promise<readonly Outcome[]> {
  const { records, log } = parts
  const id = state.upload_session_id
  const session = (await records.uploadSessions.getMany([id])).get(id)
  try {
    if (session === undefined) return await forget(parts, sessions, state)
    return await settleSession(parts, sessions, { session, state })
  } catch (error) {
    log.warn({ upload_session_id: id, error }, 'an upload could not be put in order')
    const since = session?.expires_at ?? state.due_at
    await putOff(parts, sessions, { id, since }).catch(() => {})
    return ['failed']
  }
}

async function putOff(
  { records, clock }: LakeParts,
  { leases }: UploadSessions,
  { id, since }: { readonly id: string; readonly since: string },
): Promise<void> {
  const now = clock.now()
  if (later(since, giveUpMs) <= now) {
    await records.uploadStates.deleteMany({ upload_session_id: id, owner: leases.owner })
    return
  }
  const due_at = later(now, retryMs)
  await leases.write(id, { owner: null, leased_until: neverLeased, due_at })
}

async function settleSession(
  parts: LakeParts,
  sessions: UploadSessions,
  upload: { readonly session: UploadSession; readonly state: UploadState },
): Promise<readonly Outcome[]> {
  const { records, clock } = parts
  const { session, state } = upload
  const id = session.upload_session_id
  const now = clock.now()
  const isOpen = session.status === 'pending' || session.status === 'expired'
  if (state.is_confirmed && isOpen && now < later(session.expires_at, giveUpMs)) {
    await sessions.resume(upload)
    return ['completed']
  }
  if (session.status === 'pending') {
    if (session.expires_at > now) {
      await sessions.leases.write(id, {
        owner: null,
        leased_until: neverLeased,
        due_at: session.expires_at,
      })
      return []
    }
    const expired = await records.uploadSessions.update(
      id,
      { set: { status: 'expired', failure_reason: 'Upload did not complete before expiry.' } },
      { if: { status: 'pending' } },
    )
    await sessions.discard({ session: expired, state })
    return ['expired', 'discarded']
  }
  if (state.is_last_look) return await forget(parts, sessions, state)
  // It has ended, and its row has not heard of that.
  await sessions.discard(upload)
  return ['discarded']
}

/** The last look: what arrived late goes, and the row with it. */
async function forget(
  { records, store }: LakeParts,
  { leases }: UploadSessions,
  state: UploadState,
): Promise<readonly Outcome[]> {
  const registry = store.writable(state.mount)
  const upload = partsOf(state)
  if (upload !== undefined) await registry.uploads.abortParts(upload)
  await registry.uploads.discard(targetOf(state))
  await records.uploadStates.deleteMany({
    upload_session_id: state.upload_session_id,
    owner: leases.owner,
  })
  return ['discarded']
}
