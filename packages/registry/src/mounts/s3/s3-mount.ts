import { GetObjectCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { type ByteStream, type CallOptions, isMindtraceError } from '@mindtrace/core'
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
  SignOptions,
  StorePlace,
  UploadedPart,
  Written,
} from '../../mount.ts'
import { checkPrefix, compareKeys } from '../../mount-key.ts'
import { nothingAt } from '../mount-errors.ts'
import { probeKey, S3Conditions } from './s3-conditions.ts'
import { pause, S3Connection, type S3Place } from './s3-connection.ts'
import { copyInParts, copyWhole } from './s3-copy.ts'
import { S3Deletes } from './s3-delete.ts'
import { decodedKey, pagesOf } from './s3-list.ts'
import { S3Multipart } from './s3-multipart.ts'
import { changedMeanwhile, headOf, isKey, nothingWhenAbsent, objectOf } from './s3-objects.ts'
import { partLimits } from './s3-parts.ts'
import { readObject } from './s3-read.ts'
import { S3Writer } from './s3-write.ts'

/** Options of {@link S3Mount}. */
export interface S3MountOptions extends S3Place {
  /** Larger objects are copied in parts of this size. Default 1 GiB. */
  readonly copyPartBytes?: number | undefined
}

const maxCopies = 5

/**
 * A bucket of Amazon S3, or of a store that speaks its protocol, as a mount.
 *
 *     s3://<bucket>/<prefix>/<key>          the bytes
 *     s3://<bucket>/<prefix>/.mt-probe      empty, see {@link S3Conditions}; not listed
 *
 * Bodies up to 6 MiB are one request, larger ones an upload in parts. A request whose answer is lost is sent
 * again; a conditional one leaves a token in the object's metadata (`mt-write`), so that a refusal by our own
 * earlier request is told from that by another writer.
 *
 * The bucket is made by the first write that misses it.
 *
 * Keys of others that no mount could have (a name that ends in `/`, empty segments, …) are not listed.
 */
export class S3Mount implements ObjectMount {
  readonly capabilities = { persistent: true, files: false } as const
  readonly partLimits = partLimits
  readonly #connection: S3Connection
  readonly #writer: S3Writer
  readonly #deletes: S3Deletes
  readonly #multipart: S3Multipart
  readonly #copyPartBytes: number

  /** Nothing is asked of the store before the first call. */
  constructor(options: S3MountOptions) {
    this.#connection = new S3Connection(options)
    const conditions = new S3Conditions(this.#connection)
    this.#writer = new S3Writer(this.#connection, conditions)
    this.#deletes = new S3Deletes(this.#connection)
    this.#multipart = new S3Multipart(this.#connection, conditions)
    this.#copyPartBytes = options.copyPartBytes ?? 1024 ** 3
  }

  get location(): string {
    return this.#connection.location
  }

  get place(): StorePlace {
    return this.#connection.place
  }

  /** A question after one object, which most likely is none. */
  async ping({ signal }: CallOptions = {}): Promise<void> {
    await this.head(probeKey, { signal })
  }

  async isThere({ signal }: CallOptions = {}): Promise<boolean> {
    const command = new HeadBucketCommand({ Bucket: this.#connection.bucket })
    const answer = this.#connection.send(command, { action: 'look up', signal })
    return (await nothingWhenAbsent(answer)) !== undefined
  }

  read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    return readObject(this.#connection, key, options)
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<MountObject | undefined> {
    const found = await headOf(this.#connection, key, signal)
    return found === undefined ? undefined : objectOf(key, found)
  }

  /** Bodies over 6 MiB are written in parts; up to four are in memory. */
  write(
    key: string,
    body: Uint8Array | ByteStream,
    options: ObjectWriteOptions = {},
  ): Promise<Written> {
    return this.#writer.write(key, body, options)
  }

  delete(key: string, options: CallOptions = {}): Promise<void> {
    return this.#deletes.delete(key, options)
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<MountObject> {
    checkPrefix(prefix)
    const { prefix: ours } = this.#connection
    for await (const page of pagesOf(this.#connection, { Prefix: ours + prefix }, options)) {
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
        options.signal?.throwIfAborted()
        const key = decodedKey(Key, page)?.slice(ours.length)
        if (key === undefined || key === probeKey || !isKey(key)) continue
        yield objectOf(key, { ContentLength: Size, ETag, LastModified })
      }
    }
  }

  async *listFolder(folder: string, options: CallOptions = {}): AsyncIterable<FolderEntry> {
    checkPrefix(folder)
    const { prefix: ours } = this.#connection
    const input = { Prefix: ours + folder, Delimiter: '/' }
    for await (const page of pagesOf(this.#connection, input, options)) {
      const entries: FolderEntry[] = []
      for (const { Key } of page.Contents ?? []) {
        const key = decodedKey(Key, page)?.slice(ours.length)
        if (key !== undefined && key !== probeKey && isKey(key))
          entries.push({ kind: 'object', key })
      }
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        const key = decodedKey(Prefix, page)?.slice(ours.length)
        if (key !== undefined && isKey(key.slice(0, -1))) entries.push({ kind: 'folder', key })
      }
      options.signal?.throwIfAborted()
      yield* entries.sort((a, b) => compareKeys(a.key, b.key))
    }
  }

  /**
   * Drops uploads in parts under the prefix that were begun longer ago and are not over: those of crashed
   * writers, and those of clients who may still come back, so choose a time longer than an upload may rest.
   */
  sweep(options: CallOptions & { readonly olderThanMs: number }): Promise<number> {
    return this.#multipart.sweep(options)
  }

  /** Beyond the limit the target is put together from parts; until the end it holds what it held. */
  async copy(source: string, target: string, options: CopyOptions = {}): Promise<MountObject> {
    const { contentType, signal, place = this.place } = options
    const key = this.#connection.keyOf(target)
    const isOnItself =
      place.bucket === this.place.bucket && key === this.#connection.keyOf(source, place)
    for (let attempt = 1; ; attempt++) {
      const found = await headOf(this.#connection, source, signal, place)
      if (found === undefined) throw nothingAt(source, `s3://${place.bucket}/${place.prefix}`)
      if (isOnItself && contentType === undefined) return objectOf(target, found)
      try {
        const copy = { source, place, target, found, contentType, signal }
        if ((found.ContentLength ?? 0) <= this.#copyPartBytes) {
          await copyWhole(this.#connection, copy)
        } else {
          await copyInParts(this.#connection, copy, this.#copyPartBytes)
        }
        const made = await headOf(this.#connection, target, signal)
        if (made !== undefined) return objectOf(target, made)
        throw nothingAt(target, this.location)
      } catch (error) {
        // The source became another one since it was looked at.
        if (!isMindtraceError(error, 'PRECONDITION_FAILED')) throw error
        if (attempt === maxCopies) throw changedMeanwhile(source, error)
      }
      await pause(attempt, signal)
    }
  }

  deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    return this.#deletes.deleteMany(keys, options)
  }

  async signRead(
    key: string,
    options: SignOptions & {
      readonly contentType?: string | undefined
      readonly contentDisposition?: string | undefined
    },
  ): Promise<SignedRequest> {
    const command = new GetObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(key),
      ResponseContentType: options.contentType,
      ResponseContentDisposition: options.contentDisposition,
    })
    const url = await this.#connection.sign(command, { ...options, action: 'sign a read of', key })
    return { method: 'GET', url, headers: {} }
  }

  async signWrite(
    key: string,
    options: SignOptions & { readonly contentType: string },
  ): Promise<SignedRequest> {
    const { contentType } = options
    const command = new PutObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(key),
      ContentType: contentType,
    })
    const url = await this.#connection.sign(command, {
      ...options,
      action: 'sign a write of',
      key,
      signed: ['content-type'],
    })
    return { method: 'PUT', url, headers: { 'Content-Type': contentType } }
  }

  beginParts(
    key: string,
    options: CallOptions & { readonly contentType?: string | undefined } = {},
  ): Promise<PartsUpload> {
    return this.#multipart.begin(key, options)
  }

  writePart(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    options: CallOptions = {},
  ): Promise<UploadedPart> {
    return this.#multipart.write(upload, number, body, options)
  }

  signPart(upload: PartsUpload, number: number, options: SignOptions): Promise<SignedRequest> {
    return this.#multipart.sign(upload, number, options)
  }

  listParts(upload: PartsUpload, options: CallOptions = {}): Promise<UploadedPart[]> {
    return this.#multipart.list(upload, options)
  }

  completeParts(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    options: CallOptions & { readonly ifAbsent?: boolean | undefined } = {},
  ): Promise<MountObject> {
    return this.#multipart.complete(upload, parts, options)
  }

  abortParts(upload: PartsUpload, options: CallOptions = {}): Promise<void> {
    return this.#multipart.abort(upload, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close()
  }
}
