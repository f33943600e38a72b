import type { Lake, ObjectUploadSessionOutput, StorageRef, UploadTicket } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { putBytes, type SignedPut } from './put-bytes.ts'
import { runningSha256 } from './sha256.ts'
import { piecesOf, sourceOf, type UploadSource } from './upload-source.ts'

/** How {@link uploadFile} goes about it. */
export interface UploadOptions extends CallOptions {
  /** Default: the name of the file. */
  readonly name?: string | undefined
  readonly mount?: string | null | undefined
  readonly version?: string | null | undefined
  readonly onConflict?: 'skip' | 'overwrite' | null | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** Default: the type of the `Blob`, else `application/octet-stream`. */
  readonly mediaType?: string | undefined
  /** How long the upload may take in all; default 1440, the bytes of an interrupted one wait as long. */
  readonly expiresInMinutes?: number | undefined
  /** Larger sources travel in parts; default and least of most stores: 8 MiB and 5 MiB. */
  readonly partBytes?: number | undefined
  /** Parts under way, each in memory; default 4. */
  readonly concurrency?: number | undefined
  /** Whether this program can write to paths of the lake's machine. Default false: the lake gets the bytes. */
  readonly sharesFiles?: boolean | undefined
  /** An upload that was interrupted, to go on with. What the store has is not sent again. */
  readonly resume?: UploadTicket | undefined
  /** Gets what `resume` takes. Without it, an upload that fails is given up, since nobody could go on. */
  readonly onBegin?: ((ticket: UploadTicket) => void | Promise<void>) | undefined
  /** Called after each piece, with what has arrived so far. */
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined
  /** For requests to the store; default: the global one. */
  readonly fetch?: typeof fetch | undefined
}

/** How far an upload is. */
export interface UploadProgress {
  readonly sentBytes: number
  readonly totalBytes: number
}

/** What an upload has become. */
export interface UploadedFile {
  readonly storage_ref: StorageRef
  readonly size_bytes: number
  /** `sha256:` and 64 hex digits; null where it was not taken: in browsers for parts, and where nothing was left to send. */
  readonly checksum: string | null
  /** How the bytes went: through the lake, to a path, to the store in one or in parts. */
  readonly method: 'stream' | 'local_path' | 'presigned_url' | 'parts'
}

const defaultPartBytes = 8 * 1024 * 1024
/** What a store without parts gets whole, as only the Python service has some, is held in memory up to here. */
const wholeBytes = 64 * 1024 * 1024

/**
 * Uploads a file (a path in Node, a `Blob` anywhere) by the shortest way that its mount has: to the store
 * itself by signed requests, in parts when it is large, else through the lake. Memory holds a few parts at
 * most; the hash is taken in the pass that sends, and compared by the lake before the object exists.
 *
 * @throws {@link MindtraceError} what the lake throws; `UNAVAILABLE`, `FORBIDDEN` from the store;
 * `CONFLICT` when the source changes meanwhile; the signal's reason.
 */
export async function uploadFile(
  lake: Pick<Lake, 'objects' | 'uploads' | 'streams'>,
  source: Blob | string | URL,
  options: UploadOptions = {},
): Promise<UploadedFile> {
  options.signal?.throwIfAborted()
  const opened = await sourceOf(source)
  const mediaType =
    options.mediaType ??
    (source instanceof Blob && source.type !== '' ? source.type : 'application/octet-stream')
  const upload = new Upload(lake, opened, { ...options, mediaType })
  return await upload.run()
}

interface SessionWay {
  readonly method: 'local_path' | 'presigned_url' | 'parts'
  readonly session: ObjectUploadSessionOutput
}

type Way = { readonly method: 'stream' } | SessionWay

class Upload {
  readonly #lake: Pick<Lake, 'objects' | 'uploads' | 'streams'>
  readonly #source: UploadSource
  readonly #options: UploadOptions & { readonly mediaType: string }
  readonly #call: CallOptions
  readonly #fetch: typeof fetch
  #sentBytes = 0

  constructor(
    lake: Pick<Lake, 'objects' | 'uploads' | 'streams'>,
    source: UploadSource,
    options: UploadOptions & { readonly mediaType: string },
  ) {
    this.#lake = lake
    this.#source = source
    this.#options = options
    this.#call = { signal: options.signal }
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  }

  async run(): Promise<UploadedFile> {
    const way = await this.#choose()
    if (way.method === 'stream') return await this.#stream()
    const { session, method } = way
    try {
      const isDone = session.status === 'completed'
      const sha256 = isDone ? null : await this.#send(way)
      const completed = await this.#complete(session, sha256)
      if (completed.storage_ref === null) {
        throw new MindtraceError('CORRUPT', 'the lake completed the upload and names no object')
      }
      return {
        storage_ref: completed.storage_ref,
        size_bytes: this.#source.sizeBytes,
        checksum: sha256 === null ? null : `sha256:${sha256}`,
        method,
      }
    } catch (error) {
      const canGoOn = this.#options.onBegin !== undefined || this.#options.resume !== undefined
      if (!canGoOn) await this.#lake.uploads.abort(ticketOf(session)).catch(() => {})
      throw error
    }
  }

  /** Gives the hash, where it was taken. */
  #send({ method, session }: SessionWay): Promise<string | null> {
    return method === 'parts' ? this.#sendParts(session) : this.#sendWhole(session)
  }

  async #choose(): Promise<Way> {
    const { resume, onBegin, sharesFiles = false } = this.#options
    if (resume !== undefined) {
      const { session, part_limits } = await this.#lake.uploads.get(resume, this.#call)
      return this.#wayOf(session, part_limits !== null)
    }
    const begun = await this.#begin(sharesFiles)
    if (begun.session === null) return { method: 'stream' }
    const way = this.#wayOf(begun.session, begun.part_limits !== null)
    if (way.method === 'local_path' && !sharesFiles) return { method: 'stream' }
    await onBegin?.(ticketOf(begun.session))
    return way
  }

  async #begin(sharesFiles: boolean) {
    const { mount, version, onConflict, metadata, mediaType, expiresInMinutes } = this.#options
    const input = {
      name: this.#name(),
      mount: mount ?? null,
      version: version ?? null,
      metadata: metadata ?? null,
      on_conflict: onConflict ?? null,
      content_type: mediaType,
      expires_in_minutes: expiresInMinutes ?? 1440,
    }
    try {
      const size_bytes = this.#source.sizeBytes
      const extended = { ...input, size_bytes, local_path: sharesFiles }
      return await this.#lake.uploads.begin(extended, this.#call)
    } catch (error) {
      // The Python service has sessions, but not what we add to them.
      if (!isMindtraceError(error, 'NOT_IMPLEMENTED')) throw error
      const session = await this.#lake.objects.uploadSession.create(input, this.#call)
      return { session, part_limits: null }
    }
  }

  #wayOf(session: ObjectUploadSessionOutput, takesParts: boolean): Way {
    if (session.upload_method === 'local_path') return { method: 'local_path', session }
    const isLarge = this.#source.sizeBytes > (this.#options.partBytes ?? defaultPartBytes)
    return { method: takesParts && isLarge ? 'parts' : 'presigned_url', session }
  }

  #name(): string {
    const name = this.#options.name ?? this.#source.name
    if (name !== undefined) return name
    throw new MindtraceError('INVALID_INPUT', 'a Blob has no name: say one')
  }

  async #stream(): Promise<UploadedFile> {
    const { mount, version, onConflict, metadata, mediaType } = this.#options
    const written = await this.#lake.streams.writeObject(
      {
        mount: mount ?? null,
        name: this.#name(),
        version: version ?? null,
        onConflict: onConflict ?? null,
        mediaType,
        ...(metadata === undefined ? {} : { metadata }),
      },
      await this.#watched(),
      this.#call,
    )
    if (written.size_bytes !== this.#source.sizeBytes) {
      throw new MindtraceError('CONFLICT', 'the source changed while it was uploaded; begin again')
    }
    return { ...written, method: 'stream' }
  }

  /** The bytes as a stream that tells how far it is. */
  async #watched(): Promise<ReadableStream<Uint8Array>> {
    const pieces = piecesOf(this.#source, 1024 * 1024, this.#call)
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const next = await pieces.next()
          if (next.done) return controller.close()
          this.#sent(next.value.byteLength)
          controller.enqueue(next.value)
        },
        cancel: async () => {
          await pieces.return(undefined)
        },
      },
      { highWaterMark: 0 },
    )
  }

  async #sendWhole(session: ObjectUploadSessionOutput): Promise<string | null> {
    if (session.upload_path !== null) return await this.#writeFile(session.upload_path)
    const { sizeBytes } = this.#source
    const request: SignedPut = { url: session.upload_url ?? '', headers: session.upload_headers }
    const putting = { ...this.#call, fetch: this.#fetch, sign: async () => request }
    if (sizeBytes > wholeBytes) {
      await putBytes(await this.#source.blob(), putting)
      this.#sent(sizeBytes)
      return null
    }
    let whole: Uint8Array<ArrayBuffer> = new Uint8Array()
    for await (const piece of piecesOf(this.#source, Math.max(sizeBytes, 1), this.#call)) {
      whole = piece
    }
    await putBytes(whole, putting)
    this.#sent(sizeBytes)
    return await hashOf(whole)
  }

  async #writeFile(path: string): Promise<string | null> {
    const fs = globalThis.process.getBuiltinModule('node:fs')
    const hash = runningSha256()
    const file = await fs.promises.open(path, 'w')
    try {
      for await (const piece of piecesOf(this.#source, 1024 * 1024, this.#call)) {
        hash?.update(piece)
        await file.writeFile(piece)
        this.#sent(piece.byteLength)
      }
    } finally {
      await file.close()
    }
    return hash?.digestHex() ?? null
  }

  /** Reads the source once from its beginning, hashes all of it, and sends what the store has not. */
  async #sendParts(session: ObjectUploadSessionOutput): Promise<string | null> {
    const { parts } = this.#lake.uploads
    const ticket = ticketOf(session)
    const part_bytes = this.#options.partBytes ?? null
    const begun = await parts.begin({ ...ticket, part_bytes }, this.#call)
    const there = await parts.list(ticket, this.#call)
    const stored = new Map(there.parts.map(({ number, size_bytes }) => [number, size_bytes]))
    const hash = runningSha256()
    const underWay = new Set<Promise<void>>()
    const failed = new AbortController()
    const { signal: outer } = this.#options
    const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal])
    const send = async (number: number, piece: Uint8Array<ArrayBuffer>) => {
      const sign = async (): Promise<SignedPut> => {
        const signed = await parts.sign({ ...ticket, numbers: [number] }, { signal })
        return signed.parts[0] as SignedPut
      }
      await putBytes(piece, { signal, fetch: this.#fetch, sign })
      this.#sent(piece.byteLength)
    }
    try {
      let number = 0
      for await (const piece of piecesOf(this.#source, begun.part_bytes, { signal })) {
        number += 1
        hash?.update(piece)
        if (stored.get(number) === piece.byteLength) {
          this.#sent(piece.byteLength)
          continue
        }
        const sending = send(number, piece).catch((error: unknown) => failed.abort(error))
        underWay.add(sending)
        void sending.then(() => underWay.delete(sending))
        if (underWay.size >= (this.#options.concurrency ?? 4)) await Promise.race(underWay)
        signal.throwIfAborted()
      }
    } catch (error) {
      if (!failed.signal.aborted) failed.abort(error)
      throw signal.reason
    } finally {
      await Promise.all(underWay)
    }
    signal.throwIfAborted()
    return hash?.digestHex() ?? null
  }

  /** A large upload takes the lake a while; what it has begun goes on, so asking again is enough. */
  async #complete(
    session: ObjectUploadSessionOutput,
    sha256: string | null,
  ): Promise<ObjectUploadSessionOutput> {
    const ticket = ticketOf(session)
    const input = { ...ticket, size_bytes: this.#source.sizeBytes, sha256 }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await this.#lake.uploads.complete(input, this.#call)).session
      } catch (error) {
        this.#options.signal?.throwIfAborted()
        if (isMindtraceError(error, 'NOT_IMPLEMENTED')) {
          return await this.#lake.objects.uploadSession.complete(ticket, this.#call)
        }
        const mayPass = isMindtraceError(error, 'TIMEOUT') || isMindtraceError(error, 'UNAVAILABLE')
        if (!mayPass || attempt === completions) throw error
      }
    }
  }

  #sent(bytes: number): void {
    this.#sentBytes += bytes
    const { sizeBytes: totalBytes } = this.#source
    this.#options.onProgress?.({ sentBytes: this.#sentBytes, totalBytes })
  }
}

/** Each may wait for as long as the client's `timeoutMs`. */
const completions = 30

function ticketOf({ upload_session_id, finalize_token }: UploadTicket): UploadTicket {
  return { upload_session_id, finalize_token }
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const hash = runningSha256()
  if (hash !== undefined) {
    hash.update(bytes)
    return hash.digestHex()
  }
  // Browsers have no cryptography on pages that came without TLS from another machine.
  if (crypto.subtle === undefined) return null
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
