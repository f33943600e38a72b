import type { ParsedInput, UploadPartLimits } from '@mindtrace/contract'
import {
  type ByteStream,
  type CallOptions,
  isMindtraceError,
  KeyedMutex,
  MindtraceError,
  newId,
  newToken,
} from '@mindtrace/core'
import {
  checkKey,
  checkObjectName,
  type OnConflict,
  parseVersion,
  type Registry,
} from '@mindtrace/registry'
import type { LakeParts } from '../lake-parts.ts'
import { checkFinalizeToken } from './finalize-token.ts'
import { type Completion, type LeasedUpload, UploadCommits } from './upload-commit.ts'
import { UploadLeases } from './upload-lease.ts'
import {
  isCompleted,
  lastLook,
  neverLeased,
  openStatuses,
  partsOf,
  sessionOf,
  targetOf,
  type UploadSession,
  type UploadState,
} from './upload-rows.ts'

/** How long a caller waits for another process that is at the same session. */
const patienceMs = 60_000
const maxMinutes = 525_600
const defaultPartBytes = 8 * 1024 * 1024
const mebibyte = 1024 * 1024
/** A part that is appended through the lake is whole in memory. */
const mostAppendedPartBytes = 64 * mebibyte

type Ticket = { readonly upload_session_id: string; readonly finalize_token: string }

/** What a session is opened with. */
export interface NewUpload extends ParsedInput<'objects.upload_session.create'> {
  readonly size_bytes?: number | null
  readonly sha256?: string | null
  /** The bytes will be appended through the lake. Their number has to be known. */
  readonly through_lake?: boolean
}

/**
 * Uploads that pass the lake by: a place and a way to it, and in the end an object. Sessions lie in the
 * reference's collection; who works on one, and what only we know of it, in one of ours.
 */
export class UploadSessions implements AsyncDisposable {
  readonly leases: UploadLeases
  readonly #parts: LakeParts
  readonly #commits: UploadCommits
  readonly #work = new KeyedMutex()
  readonly #ending = new AbortController()
  /** Requests that append, by session. */
  readonly #appending = new Map<string, AbortController>()

  constructor(parts: LakeParts) {
    this.#parts = parts
    this.leases = new UploadLeases(parts)
    this.#commits = new UploadCommits(parts, this.leases)
  }

  /**
   * @throws {@link MindtraceError} `INVALID_INPUT`; `NOT_FOUND` for the mount; `READ_ONLY`;
   * `NOT_IMPLEMENTED` where the mount takes no uploads but through the lake.
   */
  async create(input: NewUpload, options: CallOptions): Promise<UploadSession> {
    const { store, records, clock } = this.#parts
    const mount = input.mount ?? store.defaultMount
    const registry = store.writable(mount)
    const onConflict = checkInput(input, registry)
    const id = newId('upload_session')
    const begun = await registry.uploads.begin(id, {
      ...options,
      contentType: input.content_type,
      expiresInMs: input.expires_in_minutes * 60_000,
    })
    const now = clock.now()
    const expires_at = new Date(Date.parse(now) + input.expires_in_minutes * 60_000).toISOString()
    const staged_reference = { ...begun.stagedTarget }
    try {
      await records.uploadStates.insert(
        {
          upload_session_id: id,
          mount,
          staged_reference,
          leased_until: neverLeased,
          due_at: expires_at,
          size_bytes: input.size_bytes ?? null,
          sha256: input.sha256 ?? null,
          is_appended: input.through_lake ?? false,
        },
        options,
      )
      return await records.uploadSessions.insert(
        {
          upload_session_id: id,
          finalize_token: newToken(),
          name: input.name,
          mount,
          requested_version: input.version,
          upload_method: begun.method,
          upload_url: begun.method === 'presigned_url' ? begun.request.url : null,
          upload_path: begun.method === 'local_path' ? begun.path : null,
          upload_headers: begun.method === 'presigned_url' ? { ...begun.request.headers } : {},
          staged_reference,
          content_type: input.content_type,
          metadata: input.metadata ?? {},
          on_conflict: onConflict,
          created_at: now,
          expires_at,
          created_by: input.created_by,
        },
        options,
      )
    } catch (error) {
      // Left to the reconciler where this fails too: the row is there.
      await registry.uploads.discard(begun.stagedTarget).catch(() => {})
      throw error
    }
  }

  /**
   * Makes an object of what has arrived. Once begun this goes on when the caller goes away, so that asking
   * again finds it further on.
   *
   * @throws `NOT_FOUND`; `FORBIDDEN` for another token; `CONFLICT` before the bytes are there, and for a
   * session that has failed; what `UploadCommits.complete` throws.
   */
  async complete(
    ticket: Ticket,
    completion: Completion,
    options: CallOptions,
  ): Promise<UploadSession> {
    const session = await this.open(ticket, options)
    if (isCompleted(session)) return session
    refuseFailed(session)
    return await this.#exclusively(
      session.upload_session_id,
      (signal) => this.#completeNow(session.upload_session_id, completion, signal),
      options,
    )
  }

  /** @throws `NOT_FOUND`, `FORBIDDEN` for another token. */
  async open(ticket: Ticket, options: CallOptions): Promise<UploadSession> {
    options.signal?.throwIfAborted()
    const session = await sessionOf(this.#parts.records, ticket.upload_session_id)
    checkFinalizeToken(session, ticket.finalize_token)
    return session
  }

  /** Our row of a session; undefined when it has none, or none any more. */
  async stateOf(id: string): Promise<UploadState | undefined> {
    return (await this.#parts.records.uploadStates.getMany([id])).get(id)
  }

  /** What parts may be like, null where the mount takes none. */
  partLimitsOf({ mount }: Pick<UploadSession, 'mount'>): UploadPartLimits | null {
    const limits = this.#parts.store.registry(mount).uploads.partLimits
    if (limits === undefined) return null
    const { minBytes, maxBytes, maxParts } = limits
    return { min_bytes: minBytes, max_bytes: maxBytes, max_parts: maxParts }
  }

  /** Gives a session up. @throws `CONFLICT` when it has become an object. */
  async abort(ticket: Ticket, options: CallOptions): Promise<UploadSession> {
    const opened = await this.open(ticket, options)
    const { upload_session_id: id } = opened
    return await this.#exclusively(
      id,
      async () => {
        const { records } = this.#parts
        const upload = await this.#take(id)
        if (upload === undefined || isCompleted(upload.session)) {
          throw new MindtraceError(
            'CONFLICT',
            `upload session '${id}' has become an object; delete that instead`,
            { details: { upload_session_id: id } },
          )
        }
        const { session, state } = upload
        if (session.status === 'pending') {
          await records.uploadSessions.update(
            id,
            { set: { status: 'failed', failure_reason: 'The client gave the upload up.' } },
            { if: { status: 'pending' } },
          )
        }
        return await this.discard({ session, state })
      },
      options,
    )
  }

  /**
   * Removes what has arrived for a session that has come to its end, and puts its row off to the last look.
   * Repeating is harmless.
   */
  async discard({ session, state }: LeasedUpload): Promise<UploadSession> {
    const { records, store, clock } = this.#parts
    const id = session.upload_session_id
    const registry = store.writable(session.mount)
    const upload = partsOf(state)
    if (upload !== undefined) await registry.uploads.abortParts(upload)
    await registry.uploads.discard(targetOf(session))
    let cleaned = session
    if (!isCompleted(session) && session.cleanup_completed_at === null) {
      cleaned = await records.uploadSessions.update(id, {
        set: { cleanup_completed_at: clock.now() },
      })
    }
    await this.leases.write(id, lastLook(session, clock))
    return cleaned
  }

  /** Begins to upload in parts, or says how somebody has begun. */
  async beginParts(ticket: Ticket, partBytes: number | null, options: CallOptions) {
    const session = await this.open(ticket, options)
    refuseClosed(session)
    const { records, store } = this.#parts
    const { uploads } = store.writable(session.mount)
    const limits = uploads.partLimits
    if (limits === undefined) throw noParts(session)
    const id = session.upload_session_id
    const state = await this.stateOf(id)
    if (state?.parts_upload_id != null && state.part_bytes !== null) {
      return { part_bytes: state.part_bytes, max_parts: limits.maxParts }
    }
    const declared = state?.size_bytes ?? null
    const part_bytes = partBytes ?? partBytesFor(declared ?? 0, limits.maxParts)
    checkPartBytes(part_bytes, declared, limits)
    if (state === undefined) await this.leases.adopt([session], session.expires_at)
    const upload = await uploads.beginParts(targetOf(session), {
      ...options,
      contentType: session.content_type,
    })
    try {
      await records.uploadStates.update(
        id,
        { set: { parts_upload_id: upload.uploadId, parts_key: upload.key, part_bytes } },
        { if: { parts_upload_id: null } },
      )
      return { part_bytes, max_parts: limits.maxParts }
    } catch (error) {
      // Another caller was first, or nobody will ever know of this one.
      await uploads.abortParts(upload).catch(() => {})
      if (!isMindtraceError(error, 'CONFLICT')) throw error
      const first = await this.stateOf(id)
      return { part_bytes: first?.part_bytes ?? part_bytes, max_parts: limits.maxParts }
    }
  }

  /** Signs a PUT for each part, good until the session expires. */
  async signParts(ticket: Ticket, numbers: readonly number[], options: CallOptions) {
    const session = await this.open(ticket, options)
    refuseClosed(session)
    const { store, clock } = this.#parts
    const upload = this.#begunParts(session, await this.stateOf(session.upload_session_id))
    const expiresInMs = Date.parse(session.expires_at) - Date.parse(clock.now())
    if (expiresInMs < 1000) throw expired(session)
    const { uploads } = store.writable(session.mount)
    const parts = await Promise.all(
      numbers.map(async (number) => {
        const { url, headers } = await uploads.signPart(upload, number, { ...options, expiresInMs })
        return { number, url, headers: { ...headers } }
      }),
    )
    return { parts, expires_at: session.expires_at }
  }

  /** The parts that the store has; none before the first begin, and none once they are joined. */
  async listParts(ticket: Ticket, options: CallOptions) {
    const session = await this.open(ticket, options)
    const state = await this.stateOf(session.upload_session_id)
    const upload = state && partsOf(state)
    if (upload === undefined) return []
    const { uploads } = this.#parts.store.registry(session.mount)
    try {
      const parts = await uploads.listParts(upload, options)
      return parts.map(({ number, sizeBytes, etag }) => ({ number, size_bytes: sizeBytes, etag }))
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND')) return []
      throw error
    }
  }

  /**
   * A session whose bytes are appended through the lake, for any mount that takes uploads.
   *
   * @throws what {@link create} throws; `INVALID_INPUT` without a size, or with one that has too many parts.
   */
  async createAppended(input: NewUpload, options: CallOptions): Promise<UploadSession> {
    const size = input.size_bytes ?? null
    if (size === null)
      throw invalid('say size_bytes: an upload through the lake ends with its last byte')
    const registry = this.#parts.store.writable(input.mount ?? undefined)
    const limits = registry.uploads.partLimits
    const partBytes = limits && partBytesFor(size, limits.maxParts)
    if (partBytes !== undefined && partBytes > mostAppendedPartBytes) {
      throw invalid(
        `${size} bytes are too many to come through the lake; use uploads.parts.begin, or at most ${mostAppendedPartBytes * (limits?.maxParts ?? 1)}`,
      )
    }
    const session = await this.create({ ...input, through_lake: true }, options)
    if (partBytes !== undefined && size > 0) await this.beginParts(session, partBytes, options)
    return session
  }

  /** How many bytes have been appended, of how many. @throws `CONFLICT` for a session of another kind. */
  async progress(ticket: Ticket, options: CallOptions) {
    const session = await this.open(ticket, options)
    const state = await this.stateOf(session.upload_session_id)
    if (isCompleted(session)) {
      const size_bytes = state?.staged_bytes ?? (await this.#sizeOf(session, options))
      return { session, offset: size_bytes, size_bytes }
    }
    const { target, upload } = appendedOf(session, state)
    const { uploads } = this.#parts.store.registry(session.mount)
    // Joined already where a completion was interrupted: then all of them had come.
    const offset = await uploads.arrived(target, upload, options).catch((error: unknown) => {
      if (isMindtraceError(error, 'NOT_FOUND')) return upload.totalBytes
      throw error
    })
    return { session, offset, size_bytes: upload.totalBytes }
  }

  /**
   * Appends bytes from an offset on. With the last of them the session is completed. A request that comes while another
   * of this process is at the same session takes its place: the other's client is gone.
   *
   * @throws `CONFLICT` with `arrived` in its details for another offset, and for a session that has ended; what
   * `DirectUploads.append` and {@link complete} throw.
   */
  async append(
    ticket: Ticket,
    offset: number,
    body: ByteStream,
    options: CallOptions,
  ): Promise<{ readonly offset: number }> {
    const id = ticket.upload_session_id
    const session = await this.open(ticket, options)
    refuseClosed(session)
    if (session.expires_at <= this.#parts.clock.now()) throw expired(session)
    this.#appending
      .get(id)
      ?.abort(new MindtraceError('UNAVAILABLE', 'another request goes on with this upload'))
    const takenOver = new AbortController()
    this.#appending.set(id, takenOver)
    const signals = [takenOver.signal, this.#ending.signal]
    if (options.signal !== undefined) signals.push(options.signal)
    const signal = AbortSignal.any(signals)
    try {
      const { arrived, size } = await this.#work.run(`append ${id}`, async () => {
        signal.throwIfAborted()
        const { target, upload } = appendedOf(session, await this.stateOf(id))
        const { uploads } = this.#parts.store.writable(session.mount)
        const arrived = await uploads.append(target, body, { ...upload, offset }, { signal })
        return { arrived, size: upload.totalBytes }
      })
      if (arrived === size) {
        await this.complete(ticket, { metadata: null, sizeBytes: null, sha256: null }, options)
      }
      return { offset: arrived }
    } finally {
      if (this.#appending.get(id) === takenOver) this.#appending.delete(id)
    }
  }

  async #sizeOf({ mount, name, resolved_version }: UploadSession, options: CallOptions) {
    const registry = this.#parts.store.registry(mount)
    const version = resolved_version ?? undefined
    return (await registry.info(name, { ...options, version })).sizeBytes ?? 0
  }

  /** Carries on a completion that was interrupted, under a lease that the caller has taken. */
  async resume(upload: LeasedUpload): Promise<UploadSession> {
    const completion = { metadata: null, sizeBytes: null, sha256: null }
    return await this.leases.keep(upload.state.upload_session_id, this.#ending.signal, (signal) =>
      this.#commits.complete(upload, completion, signal),
    )
  }

  /** Runs work on a session by itself within this process. It is awaited when the lake is closed. */
  alone<R>(id: string, work: () => Promise<R>): Promise<R> {
    return this.#work.run(id, work)
  }

  /** Breaks off what is under way and waits for it. What was interrupted is carried on by others, or later. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new MindtraceError('UNAVAILABLE', 'the lake was closed'))
    await this.#work.settled()
  }

  async #completeNow(
    id: string,
    completion: Completion,
    signal: AbortSignal,
  ): Promise<UploadSession> {
    const { records, clock } = this.#parts
    try {
      await records.uploadSessions.update(
        id,
        { inc: { verification_attempts: 1 }, set: { last_verified_at: clock.now() } },
        { if: { status: { $in: openStatuses } } },
      )
    } catch (error) {
      if (!isMindtraceError(error, 'CONFLICT')) throw error
    }
    const upload = await this.#take(id, signal)
    if (upload === undefined) return await sessionOf(records, id)
    if (isCompleted(upload.session)) {
      await this.leases.write(id, lastLook(upload.session, clock))
      return upload.session
    }
    refuseFailed(upload.session)
    return await this.leases.keep(id, signal, (kept) =>
      this.#commits.complete(upload, completion, kept),
    )
  }

  /** Waits for the lease; undefined when another process has completed the session meanwhile. */
  async #take(
    id: string,
    signal: AbortSignal = this.#ending.signal,
  ): Promise<LeasedUpload | undefined> {
    const { records } = this.#parts
    const started = performance.now()
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 1000)) {
      signal.throwIfAborted()
      const before = await sessionOf(records, id)
      if (isCompleted(before)) return undefined
      const state = await this.leases.take(before)
      // Read again: what another process did before we had the lease counts.
      if (state !== undefined) return { session: await sessionOf(records, id), state }
      if (performance.now() - started > patienceMs) {
        throw new MindtraceError(
          'UNAVAILABLE',
          `another process is completing upload session '${id}'; ask again later`,
          { details: { upload_session_id: id } },
        )
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  #exclusively<R>(
    id: string,
    work: (signal: AbortSignal) => Promise<R>,
    { signal }: CallOptions,
  ): Promise<R> {
    signal?.throwIfAborted()
    this.#ending.signal.throwIfAborted()
    const running = this.#work.run(id, () => work(this.#ending.signal))
    if (signal === undefined) return running
    return new Promise<R>((resolve, reject) => {
      const stop = () => reject(signal.reason)
      signal.addEventListener('abort', stop, { once: true })
      running.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    })
  }

  #begunParts(session: UploadSession, state: UploadState | undefined) {
    const upload = state && partsOf(state)
    if (upload !== undefined) return upload
    throw new MindtraceError(
      'CONFLICT',
      `upload session '${session.upload_session_id}' is not in parts; call uploads.parts.begin first`,
      { details: { upload_session_id: session.upload_session_id } },
    )
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f]/

/** All that can be known to be wrong before bytes travel. */
function checkInput(input: NewUpload, { settings }: Registry): OnConflict | null {
  const minutes = input.expires_in_minutes
  if (minutes <= 0 || minutes > maxMinutes) {
    throw invalid(`expires_in_minutes is ${minutes}: use 1 to ${maxMinutes}`)
  }
  checkObjectName(input.name)
  checkKey(input.name)
  if (input.version === 'latest') throw invalid("'latest' cannot be written; leave the version out")
  if (input.version !== null) parseVersion(input.version, settings.versionDigits)
  if (input.content_type.length > 255 || control.test(input.content_type)) {
    throw invalid('content_type is no media type')
  }
  const onConflict = input.on_conflict
  if (onConflict !== null && onConflict !== 'skip' && onConflict !== 'overwrite') {
    throw invalid(
      `on_conflict is '${onConflict.slice(0, 64)}': use skip or overwrite, or leave it out`,
    )
  }
  if (onConflict === 'overwrite' && !settings.mutable) {
    throw invalid("the mount is immutable: on_conflict can't be 'overwrite'")
  }
  return onConflict
}

function checkPartBytes(
  partBytes: number,
  sizeBytes: number | null,
  limits: NonNullable<Registry['uploads']['partLimits']>,
): void {
  if (partBytes < limits.minBytes || partBytes > limits.maxBytes) {
    throw invalid(`part_bytes is ${partBytes}: use ${limits.minBytes} to ${limits.maxBytes}`)
  }
  const parts = Math.ceil((sizeBytes ?? 0) / partBytes)
  if (parts > limits.maxParts) {
    throw invalid(
      `${sizeBytes} bytes are ${parts} parts of ${partBytes}: at most ${limits.maxParts}; make them larger`,
    )
  }
}

function partBytesFor(sizeBytes: number, maxParts: number): number {
  const least = Math.ceil(sizeBytes / maxParts / mebibyte) * mebibyte
  return Math.max(defaultPartBytes, least)
}

function refuseFailed({ status, upload_session_id, failure_reason }: UploadSession): void {
  if (status !== 'failed') return
  throw new MindtraceError(
    'CONFLICT',
    `upload session '${upload_session_id}' has failed (${failure_reason ?? 'for a reason unknown'}); begin a new one`,
    { details: { upload_session_id, is_over: true } },
  )
}

function refuseClosed(session: UploadSession): void {
  refuseFailed(session)
  if (session.status === 'expired') throw expired(session)
  if (session.status === 'pending') return
  throw new MindtraceError(
    'CONFLICT',
    `upload session '${session.upload_session_id}' is completed`,
    { details: { upload_session_id: session.upload_session_id } },
  )
}

function expired({ upload_session_id, expires_at }: UploadSession): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `upload session '${upload_session_id}' expired at ${expires_at}; begin a new one`,
    { details: { upload_session_id, is_over: true } },
  )
}

/** Where the bytes of a session go that are appended. @throws `CONFLICT` for one of another kind. */
function appendedOf(session: UploadSession, state: UploadState | undefined) {
  const { upload_session_id } = session
  refuseFailed(session)
  if (state?.is_appended !== true || state.size_bytes === null) {
    throw new MindtraceError(
      'CONFLICT',
      `the bytes of upload session '${upload_session_id}' do not come through the lake; begin one with through_lake`,
      { details: { upload_session_id } },
    )
  }
  const parts = partsOf(state)
  return {
    target: targetOf(session),
    upload: {
      totalBytes: state.size_bytes,
      parts: parts && { ...parts, partBytes: state.part_bytes ?? defaultPartBytes },
    },
  }
}

function noParts({ mount, upload_session_id }: UploadSession): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `mount '${mount}' takes no parts; send the whole`, {
    details: { mount, upload_session_id },
  })
}

function invalid(message: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', message)
}
