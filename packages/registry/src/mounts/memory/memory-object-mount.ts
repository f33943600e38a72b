import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  type Clock,
  MindtraceError,
  newToken,
} from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import type {
  CopyOptions,
  FolderEntry,
  MountObject,
  MountRead,
  ObjectMount,
  ObjectWriteOptions,
  PartsUpload,
  ReadOptions,
  SignedRequest,
  StorePlace,
  UploadedPart,
  Written,
} from '../../mount.ts'
import { checkKey } from '../../mount-key.ts'
import { notWhatItWas, noUpload } from '../mount-errors.ts'
import { MemoryMount } from './memory-mount.ts'

interface PendingUpload {
  readonly key: string
  readonly parts: Map<number, { readonly part: UploadedPart; readonly bytes: Uint8Array }>
}

/** An object store in the memory of one process, for tests of what needs the conditions of one. */
export class MemoryObjectMount implements ObjectMount {
  readonly capabilities = { persistent: false, files: false } as const
  readonly location = 'memory://objects'
  readonly partLimits = { minBytes: 1, maxBytes: 1024 ** 3, maxParts: 10_000 } as const
  readonly place: StorePlace
  readonly #entries: MemoryMount
  /** Of the whole store: one for each mount. */
  readonly #buckets: Map<string, MemoryMount>
  readonly #uploads = new Map<string, PendingUpload>()

  /** @param options - `beside`: a mount whose store has this one as a further bucket. Default: a new store. */
  constructor(
    options: {
      readonly clock?: Clock | undefined
      readonly beside?: MemoryObjectMount | undefined
    } = {},
  ) {
    this.#entries = new MemoryMount(options)
    this.#buckets = options.beside === undefined ? new Map() : options.beside.#buckets
    const service = options.beside?.place.service ?? `memory ${newToken()}`
    const bucket = String(this.#buckets.size)
    this.place = { service, bucket, prefix: '' }
    this.#buckets.set(bucket, this.#entries)
  }

  ping(options: CallOptions = {}): Promise<void> {
    return this.#entries.ping(options)
  }

  isThere(): Promise<boolean> {
    return this.#entries.isThere()
  }

  read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    return this.#entries.read(key, options)
  }

  head(key: string, options: CallOptions = {}): Promise<MountObject | undefined> {
    return this.#entries.head(key, options)
  }

  async write(
    key: string,
    body: Uint8Array | ByteStream,
    options: ObjectWriteOptions = {},
  ): Promise<Written> {
    if (options.ifEtag === undefined) return this.#entries.write(key, body, options)
    const bytes = body instanceof Uint8Array ? body : await bytesOf(body, Infinity, options)
    await using staged = await this.#entries.stage(bytes, options)
    // Nothing waits between the comparison and the change.
    const current = this.#entries.peek(key)
    if (current?.etag !== options.ifEtag) throw notWhatItWas(key)
    return this.#entries.publishOne({ key, staged })
  }

  delete(key: string, options: CallOptions = {}): Promise<void> {
    return this.#entries.delete(key, options)
  }

  list(prefix: string, options: CallOptions = {}): AsyncIterable<MountObject> {
    return this.#entries.list(prefix, options)
  }

  listFolder(folder: string, options: CallOptions = {}): AsyncIterable<FolderEntry> {
    return this.#entries.listFolder(folder, options)
  }

  async copy(source: string, target: string, options: CopyOptions = {}): Promise<MountObject> {
    const { place = this.place, signal } = options
    const from = place.service === this.place.service ? this.#buckets.get(place.bucket) : undefined
    if (from === undefined) {
      throw new MindtraceError('INVALID_INPUT', `this store has no bucket '${place.bucket}'`)
    }
    const { body } = await from.read(source, { signal })
    await this.write(target, body, { signal })
    return (await this.head(target)) as MountObject
  }

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) await this.delete(key, options)
  }

  signRead(): Promise<SignedRequest> {
    throw nothingToSign()
  }

  signWrite(): Promise<SignedRequest> {
    throw nothingToSign()
  }

  signPart(): Promise<SignedRequest> {
    throw nothingToSign()
  }

  async beginParts(key: string): Promise<PartsUpload> {
    checkKey(key)
    const uploadId = newToken()
    this.#uploads.set(uploadId, { key, parts: new Map() })
    return { key, uploadId }
  }

  async writePart(upload: PartsUpload, number: number, body: Uint8Array): Promise<UploadedPart> {
    if (!Number.isInteger(number) || number < 1 || number > this.partLimits.maxParts) {
      throw new MindtraceError('INVALID_INPUT', `parts have the numbers 1 to 10000, not ${number}`)
    }
    const etag = sha256Hex(body)
    const part = { number, sizeBytes: body.byteLength, etag }
    this.#pending(upload).parts.set(number, { part, bytes: body.slice() })
    return part
  }

  async listParts(upload: PartsUpload): Promise<UploadedPart[]> {
    const parts = [...this.#pending(upload).parts.values()].map(({ part }) => part)
    return parts.sort((a, b) => a.number - b.number)
  }

  async completeParts(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    options: CallOptions & { readonly ifAbsent?: boolean | undefined } = {},
  ): Promise<MountObject> {
    const pending = this.#pending(upload)
    if (parts.length === 0) {
      throw new MindtraceError('INVALID_INPUT', `the upload of '${upload.key}' has no parts`)
    }
    const pieces = parts.map(({ number, etag }) => {
      const stored = pending.parts.get(number)
      if (stored?.part.etag === etag) return stored.bytes
      throw new MindtraceError('INVALID_INPUT', `part ${number} is not what the store has`)
    })
    await this.write(pending.key, Buffer.concat(pieces), options)
    this.#uploads.delete(upload.uploadId)
    return (await this.head(pending.key)) as MountObject
  }

  async abortParts({ uploadId }: PartsUpload): Promise<void> {
    this.#uploads.delete(uploadId)
  }

  async sweep(): Promise<number> {
    const left = this.#uploads.size
    this.#uploads.clear()
    return left
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #pending({ uploadId, key }: PartsUpload): PendingUpload {
    const pending = this.#uploads.get(uploadId)
    if (pending?.key === key) return pending
    throw noUpload({ key, uploadId })
  }
}

function nothingToSign(): MindtraceError {
  return new MindtraceError('NOT_IMPLEMENTED', 'objects in memory have no address to sign')
}
