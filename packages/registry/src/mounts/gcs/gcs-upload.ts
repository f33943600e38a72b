import { createHash, hash } from 'node:crypto'
import {
  type ByteStream,
  type CallOptions,
  MindtraceError,
  newToken,
  streamOf,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type { Written } from '../../mount.ts'
import type { GcsBucket, GcsNewObject, GcsObject } from './gcs-bucket.ts'
import { GcsOutage, isRefusal } from './gcs-errors.ts'

/** What is larger than this goes up in chunks of this size. A multiple of 256 KiB, as the store asks. */
export const chunkBytes = 8 * 1024 * 1024

const closeTimeoutMs = 1000

/** What is written, and on which condition. */
export type GcsUpload = Omit<GcsNewObject, 'token'>

/**
 * Stores bytes under a name: small ones in one request, others by a resumable upload, whose name shows when
 * its last chunk is there. Two chunks are in memory: one on its way, one being filled.
 */
export async function upload(
  bucket: GcsBucket,
  object: GcsUpload,
  body: Uint8Array | ByteStream,
  options: CallOptions = {},
): Promise<Written> {
  if (body instanceof Uint8Array && body.byteLength <= chunkBytes) {
    return uploadSmall(bucket, object, body, options)
  }
  const source = new ChunkSource(body instanceof Uint8Array ? streamOf(body) : body, options)
  try {
    const small = await source.small()
    if (small !== undefined) return await uploadSmall(bucket, object, small, options)
    return await uploadLarge(bucket, object, source, options)
  } catch (error) {
    await source.cancel(error)
    throw error
  }
}

async function uploadSmall(
  bucket: GcsBucket,
  object: GcsUpload,
  bytes: Uint8Array,
  options: CallOptions,
): Promise<Written> {
  const md5 = hash('md5', bytes, 'base64')
  const marked = object.ifGeneration === undefined ? object : { ...object, token: newToken() }
  const stored = await unlessOurs(bucket, marked, options, () =>
    bucket.insert({ ...marked, bytes, md5 }, options),
  )
  return writtenAs(stored, { sizeBytes: bytes.byteLength, sha256: sha256Hex(bytes) })
}

async function uploadLarge(
  bucket: GcsBucket,
  object: GcsUpload,
  source: ChunkSource,
  options: CallOptions,
): Promise<Written> {
  const marked = { ...object, token: newToken() }
  const session = new ResumableUpload(bucket, marked, await bucket.beginResumable(marked, options))
  const stop = new AbortController()
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  let sending: Promise<void> | undefined
  try {
    let filled = Buffer.allocUnsafeSlow(chunkBytes)
    let spare = Buffer.allocUnsafeSlow(chunkBytes)
    let length = await source.fill(filled)
    while (length === chunkBytes) {
      sending = session.send(filled, { signal })
      const filling = source.fill(spare)
      ;[, length] = await Promise.all([sending, filling])
      ;[filled, spare] = [spare, filled]
    }
    const md5 = source.md5()
    const stored = await session.finish(filled.subarray(0, length), md5, { signal })
    const written = { sizeBytes: source.sizeBytes, sha256: source.sha256() }
    // The store has compared already, where it knows the header; a store that does not is compared here.
    if (stored.md5Hash !== undefined && stored.md5Hash !== md5) {
      await bucket.remove(stored.name, { generation: stored.generation })
      throw damaged(stored.name)
    }
    return writtenAs(stored, written)
  } catch (error) {
    stop.abort()
    await sending?.catch(() => {}) // its buffer must not be used any more
    await session.close()
    throw error
  }
}

/** A resumable upload under way. @see https://cloud.google.com/storage/docs/performing-resumable-uploads */
class ResumableUpload {
  readonly #bucket: GcsBucket
  readonly #object: GcsNewObject
  readonly #path: string
  #offset = 0
  #isOver = false

  constructor(bucket: GcsBucket, object: GcsNewObject, path: string) {
    this.#bucket = bucket
    this.#object = object
    this.#path = path
  }

  /** Sends a chunk that is not the last. */
  async send(chunk: Uint8Array, options: CallOptions): Promise<void> {
    const finished = await this.#put(chunk, {}, options)
    if (finished !== undefined) throw damaged(this.#object.name)
  }

  /** Sends the last chunk, which may be empty; the object is there afterwards. */
  async finish(chunk: Uint8Array, md5: string, options: CallOptions): Promise<GcsObject> {
    const totalBytes = this.#offset + chunk.byteLength
    const stored = await this.#put(chunk, { totalBytes, md5 }, options)
    if (stored === undefined) throw new GcsOutage('the store did not finish the upload')
    return stored
  }

  /** Drops what was sent, unless it is an object by now. What cannot be dropped the store forgets after a week. */
  async close(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    const signal = AbortSignal.timeout(closeTimeoutMs)
    const request = { method: 'DELETE', path: this.#path, accept: [499], repeat: false } as const
    await this.#bucket.client.document({ ...request, signal }).catch(() => {})
  }

  async #put(
    chunk: Uint8Array,
    last: { readonly totalBytes?: number; readonly md5?: string },
    { signal }: CallOptions,
  ): Promise<GcsObject | undefined> {
    const { client } = this.#bucket
    const end = this.#offset + chunk.byteLength
    const total = String(last.totalBytes ?? '*')
    let since = performance.now()
    for (let failures = 0; ; ) {
      const rest = chunk.subarray(chunk.byteLength - (end - this.#offset))
      const range = rest.byteLength === 0 ? '*' : `${this.#offset}-${end - 1}`
      const before = this.#offset
      let hasWaited = false
      try {
        const state = await this.#exchange(rest, `bytes ${range}/${total}`, last.md5, signal)
        if (state !== undefined) return state
        if (last.totalBytes === undefined && this.#offset === end) return undefined
      } catch (error) {
        if (isRefusal(error, 404, 410, 412)) return await this.#ended(error, signal)
        await client.pause(error, ++failures, { since, signal })
        hasWaited = true
        const state = await this.#ask(total, signal)
        if (state !== undefined) return state
        if (last.totalBytes === undefined && this.#offset === end) return undefined
      }
      if (this.#offset < before || this.#offset > end) {
        throw new MindtraceError('UNAVAILABLE', 'the store lost what was uploaded; upload it again')
      }
      if (this.#offset > before) {
        failures = 0
        since = performance.now()
      } else if (!hasWaited) {
        const idle = new GcsOutage('the store takes no bytes')
        await client.pause(idle, ++failures, { since, signal })
      }
    }
  }

  /** Sends bytes and learns how many there are now; gives the object when all are there. */
  async #exchange(
    bytes: Uint8Array,
    contentRange: string,
    md5: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GcsObject | undefined> {
    const { status, value, header } = await this.#bucket.client.document<GcsObject>({
      method: 'PUT',
      path: this.#path,
      headers: {
        'content-range': contentRange,
        ...(md5 === undefined ? {} : { 'x-goog-hash': `md5=${md5}` }),
      },
      body: bytes,
      accept: [308],
      repeat: false,
      signal,
    })
    if (status !== 308) {
      this.#isOver = true
      return value
    }
    const last = /-(\d+)$/.exec(header('range') ?? '')?.[1]
    this.#offset = last === undefined ? 0 : Number(last) + 1
    return undefined
  }

  async #ask(total: string, signal: AbortSignal | undefined): Promise<GcsObject | undefined> {
    const since = performance.now()
    for (let failures = 1; ; failures++) {
      try {
        return await this.#exchange(new Uint8Array(), `bytes */${total}`, undefined, signal)
      } catch (error) {
        if (isRefusal(error, 404, 410, 412)) return await this.#ended(error, signal)
        await this.#bucket.client.pause(error, failures, { since, signal })
      }
    }
  }

  // The upload is over: refused, forgotten, or done by a request whose answer was lost.
  async #ended(error: unknown, signal: AbortSignal | undefined): Promise<GcsObject> {
    this.#isOver = true
    const found = await this.#bucket.ours(this.#object, { signal })
    if (found !== undefined) return found
    if (isRefusal(error, 412)) throw error
    const text = `the store forgot an upload to '${this.#object.name}' before its end; upload it again`
    throw new MindtraceError('UNAVAILABLE', text, { cause: error })
  }
}

/** A stream as chunks of the caller's size, hashed as they are filled. */
class ChunkSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #signal: AbortSignal | undefined
  readonly #sha256 = new RunningHash()
  readonly #md5 = createHash('md5')
  #waiting: Uint8Array[] = []
  #isDone = false

  constructor(stream: ByteStream, { signal }: CallOptions) {
    this.#reader = stream.getReader()
    this.#signal = signal
  }

  /** Bytes that {@link fill} has given so far. */
  get sizeBytes(): number {
    return this.#sha256.sizeBytes
  }

  sha256(): string {
    return this.#sha256.digestHex()
  }

  md5(): string {
    return this.#md5.digest('base64')
  }

  /** All bytes when they are few; undefined when they are not, and {@link fill} gives them then. */
  async small(): Promise<Uint8Array | undefined> {
    let sizeBytes = 0
    while (sizeBytes <= chunkBytes) {
      const chunk = await this.#next()
      if (chunk === undefined) return Buffer.concat(this.#waiting)
      this.#waiting.push(chunk)
      sizeBytes += chunk.byteLength
    }
    return undefined
  }

  /** Fills the buffer, as far as there are bytes; gives their number. */
  async fill(buffer: Uint8Array): Promise<number> {
    let length = 0
    while (length < buffer.byteLength) {
      const chunk = this.#waiting.shift() ?? (await this.#next())
      if (chunk === undefined) break
      const taken = chunk.subarray(0, buffer.byteLength - length)
      if (taken.byteLength < chunk.byteLength) {
        this.#waiting.unshift(chunk.subarray(taken.byteLength))
      }
      buffer.set(taken, length)
      this.#sha256.update(taken)
      this.#md5.update(taken)
      length += taken.byteLength
    }
    return length
  }

  async cancel(reason: unknown): Promise<void> {
    if (!this.#isDone) await this.#reader.cancel(reason).catch(() => {})
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#signal?.throwIfAborted()
    if (this.#isDone) return undefined
    const { value, done } = await this.#reader.read()
    this.#isDone = done
    this.#signal?.throwIfAborted()
    return value
  }
}

/** The object of `write`; or the one that is there, when it is what an earlier try of `write` made. */
export async function unlessOurs(
  bucket: GcsBucket,
  object: GcsNewObject,
  options: CallOptions,
  write: () => Promise<GcsObject>,
): Promise<GcsObject> {
  try {
    return await write()
  } catch (error) {
    if (!isRefusal(error, 412)) throw error
    const found = await bucket.ours(object, options)
    if (found === undefined) throw error
    return found
  }
}

function writtenAs(
  stored: GcsObject,
  sum: { readonly sizeBytes: number; readonly sha256: string },
): Written {
  if (Number(stored.size) !== sum.sizeBytes) throw damaged(stored.name)
  return { ...sum, etag: stored.generation }
}

function damaged(name: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `what the store has of '${name}' is not what was sent; write it again`,
    { details: { name } },
  )
}
