import { type CallOptions, isMindtraceError, MindtraceError, newToken } from '@mindtrace/core'
import type { Change } from '@mindtrace/database'
import type { LakeParts } from '../lake-parts.ts'
import { later, neverLeased, type UploadSession, type UploadState } from './upload-rows.ts'

const leaseMs = 60_000

/**
 * Who works on a session, among any number of processes: the one whose name is in its row, for a minute at
 * a time. What is decided under a lease is written into the row, so a lease that was lost does no harm.
 */
export class UploadLeases {
  /** This lake in this process. Within it, callers take turns themselves. */
  readonly owner = newToken()
  readonly #parts: Pick<LakeParts, 'records' | 'clock'>

  constructor(parts: Pick<LakeParts, 'records' | 'clock'>) {
    this.#parts = parts
  }

  /** Takes the lease; undefined while another process has it. */
  async take(session: UploadSession): Promise<UploadState | undefined> {
    const { records, clock } = this.#parts
    const id = session.upload_session_id
    const now = clock.now()
    const set = { owner: this.owner, leased_until: later(now, leaseMs) }
    for (;;) {
      try {
        return await records.uploadStates.update(
          id,
          { set },
          { if: { $or: [{ leased_until: { $lte: now } }, { owner: this.owner }] } },
        )
      } catch (error) {
        if (isMindtraceError(error, 'CONFLICT')) return undefined
        if (!isMindtraceError(error, 'NOT_FOUND')) throw error
      }
      // One that the Python service made, or that was done with long ago.
      await this.adopt([session], set.leased_until)
    }
  }

  /** Takes up to so many rows that are due and that nobody works on. */
  claimDue(limit: number, options: CallOptions): Promise<UploadState[]> {
    const { records, clock } = this.#parts
    const now = clock.now()
    return records.uploadStates.claim(
      { due_at: { $lte: now }, leased_until: { $lte: now } },
      { set: { owner: this.owner, leased_until: later(now, leaseMs) } },
      { ...options, sort: ['due_at'], limit },
    )
  }

  /** Makes rows for sessions that have none. */
  async adopt(sessions: readonly UploadSession[], dueAt: string): Promise<void> {
    await this.#parts.records.uploadStates.insertMany(
      sessions.map(({ upload_session_id, mount, staged_reference }) => ({
        upload_session_id,
        mount,
        staged_reference,
        leased_until: neverLeased,
        due_at: dueAt,
      })),
    )
  }

  /** Writes into a row that is leased to us. @throws `UNAVAILABLE` when it no longer is. */
  async write(id: string, set: NonNullable<Change<UploadState>['set']>): Promise<UploadState> {
    try {
      return await this.#parts.records.uploadStates.update(
        id,
        { set },
        { if: { owner: this.owner } },
      )
    } catch (error) {
      if (!isMindtraceError(error, 'CONFLICT') && !isMindtraceError(error, 'NOT_FOUND')) throw error
      throw new MindtraceError(
        'UNAVAILABLE',
        `another process has taken upload session '${id}' over; ask again`,
        { cause: error, details: { upload_session_id: id, is_lost: true } },
      )
    }
  }

  /** Keeps a lease while `work` runs; its signal aborts when the lease is lost or `signal` does. */
  async keep<R>(
    id: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const lost = new AbortController()
    const timer = setInterval(() => {
      const leased_until = later(this.#parts.clock.now(), leaseMs)
      this.write(id, { leased_until }).catch((error: unknown) => {
        // A database that does not answer for a moment may do so before the time is over.
        if (isMindtraceError(error) && error.details.is_lost === true) lost.abort(error)
      })
    }, leaseMs / 3)
    timer.unref()
    try {
      return await work(AbortSignal.any([signal, lost.signal]))
    } finally {
      clearInterval(timer)
    }
  }
}
