import { chunksOf, errorMessage, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import {
  parseVersion,
  type Registry,
  type StagedUpload,
  type StoredObject,
} from '@mindtrace/registry'
import type { LakeParts } from '../lake-parts.ts'
import { refOf } from '../objects.ts'
import type { UploadLeases } from './upload-lease.ts'
import {
  lastLook,
  later,
  neverLeased,
  openStatuses,
  partsOf,
  sessionOf,
  targetOf,
  type UploadSession,
  type UploadState,
} from './upload-rows.ts'

/** What a client says when it completes a session. */
export interface Completion {
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly sizeBytes: number | null
  readonly sha256: string | null
}

/** A session under our lease. */
export interface LeasedUpload {
  readonly session: UploadSession
  readonly state: UploadState
}

/** After a failure that may pass, somebody looks again so much later. */
const retryMs = 60_000
const renumberings = 1000

/**
 * Makes a session's bytes an object, exactly one however often and wherever this is repeated:
 *
 * 1. What it becomes (version, metadata) is written into our row: the client has confirmed it.
 * 2. The registry stores the object and removes the bytes from where they waited.
 * 3. The session is completed, unless somebody else has done so.
 * 4. Our row waits for what may arrive late.
 *
 * An interruption after 1 is carried on from our row; after 2 the bytes are gone and the object is there.
 */
export class UploadCommits {
  readonly #parts: LakeParts
  readonly #leases: UploadLeases

  constructor(parts: LakeParts, leases: UploadLeases) {
    this.#parts = parts
    this.#leases = leases
  }

  /**
   * @throws {@link MindtraceError} `CONFLICT` before the bytes are there; `INVALID_INPUT` when they are not
   * what was declared; what `Registry.put` throws. The session then stays open, or is `failed` where a
   * repetition could not end otherwise.
   */
  async complete(
    upload: LeasedUpload,
    completion: Completion,
    signal: AbortSignal,
  ): Promise<UploadSession> {
    const { session } = upload
    try {
      const decided = await this.#decide(upload, completion, signal)
      const object =
        decided.staged === undefined ? decided.object : await this.#store(session, decided, signal)
      return await this.#finish(session, decided.state, object)
    } catch (error) {
      signal.throwIfAborted()
      await this.#fail(session, error)
      throw error
    }
  }

  /** Step 1, or what was decided before. Without staged bytes there is the object already. */
  async #decide({ session, state }: LeasedUpload, completion: Completion, signal: AbortSignal) {
    const registry = this.#parts.store.writable(session.mount)
    const target = targetOf(session)
    const declared = {
      size_bytes: completion.sizeBytes ?? state.size_bytes,
      sha256: completion.sha256 ?? state.sha256,
    }
    const joined = await this.#joinParts(registry, state, declared.size_bytes, signal)
    const staged = await registry.uploads.inspect(target, { signal })
    if (staged === undefined) {
      const object = await earlierObject(registry, session, joined, signal)
      if (object === undefined) throw nothingUploaded(session)
      return { state: joined, staged, object }
    }
    const version = joined.is_confirmed
      ? joined.version
      : await versionFor(registry, session, signal)
    const metadata = { ...session.metadata, ...joined.metadata, ...completion.metadata }
    const decided = await this.#leases.write(session.upload_session_id, {
      ...declared,
      is_confirmed: true,
      version,
      metadata,
      staged_bytes: staged.sizeBytes,
      due_at: later(this.#parts.clock.now(), retryMs),
    })
    return { state: decided, staged, object: undefined, isRepeated: joined.is_confirmed }
  }

  async #joinParts(
    registry: Registry,
    state: UploadState,
    sizeBytes: number | null,
    signal: AbortSignal,
  ): Promise<UploadState> {
    const upload = partsOf(state)
    if (upload === undefined) return state
    try {
      const parts = await registry.uploads.listParts(upload, { signal })
      const arrived = parts.reduce((sum, part) => sum + part.sizeBytes, 0)
      const isWhole = parts.every(({ number }, index) => number === index + 1)
      if (parts.length > 0) {
        if (!isWhole || (sizeBytes !== null && arrived !== sizeBytes)) {
          throw new MindtraceError(
            'CONFLICT',
            `${parts.length} parts with ${arrived} bytes have arrived${sizeBytes === null ? ', and not all of them' : ` of ${sizeBytes} bytes`}; send the others, then complete again`,
            { details: { parts: parts.length, arrived, expected: sizeBytes } },
          )
        }
        await registry.uploads.completeParts(upload, { signal })
      } else {
        // Sent whole after all.
        await registry.uploads.abortParts(upload, { signal })
      }
    } catch (error) {
      // Joined, by a completion that was interrupted afterwards.
      if (!isMindtraceError(error, 'NOT_FOUND')) throw error
    }
    return await this.#leases.write(state.upload_session_id, {
      parts_upload_id: null,
      parts_key: null,
    })
  }

  /** Step 2. */
  async #store(
    session: UploadSession,
    decided: {
      readonly state: UploadState
      readonly staged: StagedUpload
      readonly isRepeated: boolean
    },
    signal: AbortSignal,
  ): Promise<StoredObject> {
    const registry = this.#parts.store.writable(session.mount)
    const target = targetOf(session)
    let { state } = decided
    const isNumbered = session.requested_version === null && registry.settings.versionObjects
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await registry.uploads.commit(session.name, target, {
          signal,
          ...(state.version === null ? {} : { version: state.version }),
          metadata: state.metadata,
          contentType: session.content_type,
          // A number of ours must never replace what another writer numbered alike.
          onConflict: isNumbered ? 'skip' : (session.on_conflict ?? undefined),
          expected: {
            sizeBytes: state.size_bytes ?? undefined,
            sha256: state.sha256 ?? undefined,
          },
        })
      } catch (error) {
        if (!isMindtraceError(error, 'DUPLICATE')) throw error
        if (decided.isRepeated && attempt === 0) {
          const ours = await sameObject(registry, session, state, signal)
          if (ours !== undefined) {
            await registry.uploads.discard(target, { signal })
            return ours
          }
        }
        if (!isNumbered || attempt === renumberings) throw error
        const version = await versionFor(registry, session, signal)
        state = await this.#leases.write(session.upload_session_id, { version })
      }
    }
  }

  /** Steps 3 and 4. */
  async #finish(
    session: UploadSession,
    state: UploadState,
    object: StoredObject,
  ): Promise<UploadSession> {
    const { records, clock, log } = this.#parts
    const id = session.upload_session_id
    const now = clock.now()
    let completed: UploadSession
    try {
      completed = await records.uploadSessions.update(
        id,
        {
          set: {
            metadata: { ...session.metadata, ...state.metadata },
            resolved_version: object.version,
            storage_ref: refOf(session.mount, object),
            status: 'completed',
            failure_reason: null,
            completed_at: now,
            cleanup_completed_at: now,
          },
        },
        { if: { status: { $in: [...openStatuses, 'failed'] } } },
      )
    } catch (error) {
      if (!isMindtraceError(error, 'CONFLICT')) throw error
      completed = await sessionOf(records, id)
    }
    try {
      await this.#leases.write(id, lastLook(session, clock))
    } catch (error) {
      // The reconciler finds the session completed and does this.
      log.warn({ upload_session_id: id, error }, 'a completed upload was not put away yet')
    }
    return completed
  }

  /** Writes down how a completion failed. Its own failure must not hide that. */
  async #fail(session: UploadSession, error: unknown): Promise<void> {
    const { records, clock, log } = this.#parts
    const id = session.upload_session_id
    if (isMindtraceError(error) && error.details.is_lost === true) return
    const isFinal = neverOtherwise(error)
    try {
      await records.uploadSessions.update(
        id,
        {
          set: {
            failure_reason: errorMessage(error),
            ...(isFinal ? { status: 'failed' as const } : {}),
          },
        },
        { if: { status: { $in: openStatuses } } },
      )
      if (!isFinal) {
        const isForClient = isMindtraceError(error) && (isMismatch(error) || isTooEarly(error))
        if (isForClient && session.status === 'expired') {
          await this.#leases.write(id, lastLook(session, clock))
          return
        }
        await this.#leases.write(id, {
          owner: null,
          leased_until: neverLeased,
          ...(isForClient
            ? { is_confirmed: false, due_at: session.expires_at }
            : { due_at: later(clock.now(), retryMs) }),
        })
        return
      }
      await this.#discard(session)
      await this.#leases.write(id, lastLook(session, clock))
    } catch (cause) {
      const known = isMindtraceError(cause, 'CONFLICT')
      if (!known)
        log.warn({ upload_session_id: id, error: cause }, 'a failed upload was not put away')
    }
  }

  async #discard(session: UploadSession): Promise<void> {
    const { records, store, clock } = this.#parts
    await store.writable(session.mount).uploads.discard(targetOf(session))
    await records.uploadSessions.update(
      session.upload_session_id,
      { set: { cleanup_completed_at: clock.now() } },
      { if: { status: 'failed' } },
    )
  }
}

/** Whether a repetition would end the same way whatever happens meanwhile. */
function neverOtherwise(error: unknown): boolean {
  if (!isMindtraceError(error)) return false
  if (isTooEarly(error) || isMismatch(error)) return false
  return ['DUPLICATE', 'CONFLICT', 'INVALID_INPUT', 'VALIDATION_FAILED'].includes(error.code)
}

/** What arrived is not what was declared: it can be sent again to the same place. */
function isMismatch({ code, details }: MindtraceError): boolean {
  return code === 'INVALID_INPUT' && 'expected' in details && 'actual' in details
}

/** Bytes or parts are missing. */
function isTooEarly({ code, details }: MindtraceError): boolean {
  return code === 'CONFLICT' && 'arrived' in details
}

function nothingUploaded({ name, upload_session_id }: UploadSession): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `nothing has been uploaded for '${name}' yet; upload it, then complete again`,
    { details: { upload_session_id, arrived: 0 } },
  )
}

/** What an interrupted completion has stored; its bytes are no longer where they waited. */
async function earlierObject(
  registry: Registry,
  session: UploadSession,
  state: UploadState,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  if (!state.is_confirmed) return undefined
  const found = await objectAt(registry, session, state, signal)
  const isOurs =
    found !== undefined &&
    found.sizeBytes === (state.staged_bytes ?? undefined) &&
    (state.sha256 === null || found.sha256 === state.sha256)
  return isOurs ? found : undefined
}

/** The object that an interrupted completion has stored, whose bytes it had not removed yet. */
async function sameObject(
  registry: Registry,
  session: UploadSession,
  state: UploadState,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  const found = await objectAt(registry, session, state, signal)
  if (found?.sha256 === undefined || found.sizeBytes !== state.staged_bytes) return undefined
  const key = targetOf(session).path.split('/').slice(-3).join('/')
  const { body } = await registry.mount.read(key, { signal })
  const hash = new RunningHash()
  for await (const chunk of chunksOf(body, { signal })) hash.update(chunk)
  return hash.digestHex() === found.sha256 ? found : undefined
}

async function objectAt(
  registry: Registry,
  { name }: UploadSession,
  { version }: UploadState,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  try {
    return await registry.info(name, { signal, version: version ?? undefined })
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

/** The version a session becomes: the one that was asked for, else the next; null where none are kept. */
async function versionFor(
  registry: Registry,
  { name, requested_version }: UploadSession,
  signal: AbortSignal,
): Promise<string | null> {
  const { versionObjects, versionDigits } = registry.settings
  if (!versionObjects) return null
  if (requested_version !== null) return parseVersion(requested_version, versionDigits)
  try {
    const { version } = await registry.info(name, { signal })
    const numbers = version.replace(/^v/, '').split('.')
    return [...numbers.slice(0, -1), String(BigInt(numbers.at(-1) ?? '0') + 1n)].join('.')
  } catch (error) {
    if (!isMindtraceError(error, 'NOT_FOUND')) throw error
    return parseVersion('1', versionDigits)
  }
}
