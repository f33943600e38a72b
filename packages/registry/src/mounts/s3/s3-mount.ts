import type { Readable } from 'node:stream'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListPartsCommand,
  type ListPartsCommandOutput,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import {
  type ByteStream,
  type CallOptions,
  inGroups,
  isMindtraceError,
  MindtraceError,
  mapBounded,
  newToken,
  streamOf,
  toInstant,
} from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import { resolveRange } from '../../byte-range.ts'
import type {
  ByteRange,
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
import { checkKey, checkPrefix, compareKeys } from '../../mount-key.ts'
import { existsAlready, nothingAt, notWhatItWas } from '../mount-errors.ts'
import { resumingBody } from './s3-body.ts'
import { probeKey, S3Conditions } from './s3-conditions.ts'
import { pause, S3Connection, type S3Place } from './s3-connection.ts'
import { copyInParts, copyWhole } from './s3-copy.ts'
import { attemptsOf, s3Code } from './s3-errors.ts'
import { etagOfParts, quoted, unquoted } from './s3-etag.ts'
import { decodedKey, pagesOf, uploadsOf } from './s3-list.ts'
import {
  type BodyPart,
  type PartSource,
  partLimits,
  partsOfBytes,
  partsOfStream,
  wholeBytes,
} from './s3-parts.ts'
import {
  abortUpload,
  beginUpload,
  completeUpload,
  putPart,
  putWhole,
  uploadInParts,
  type WriteFacts,
} from './s3-upload.ts'

/** Options of {@link S3Mount}. */
export interface S3MountOptions extends S3Place {
  /** Larger objects are copied in parts of this size. Default 1 GiB. */
  readonly copyPartBytes?: number | undefined
}

const keysPerDelete = 1000
const parallelDeletes = 4
const maxCopies = 5
/** From this size on a create asks first whether the key is there, before sending bytes for nothing. */
const askFirstBytes = 1024 * 1024
/** Tells whether what a key holds was written by the request whose answer was lost. */
const writeToken = 'mt-write'

/**
 * A bucket of Amazon S3, or of a store that speaks its protocol, as a mount.
 *
 *     s3://<bucket>/<prefix>/<key>          the bytes
 *     s3://<bucket>/<prefix>/.mt-probe      empty, see {@link S3Conditions}; not listed
 *
 * Bodies up to 8 MiB are one request, larger ones an upload in parts. A request whose answer is lost is sent
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
  readonly #conditions: S3Conditions
  readonly #copyPartBytes: number
  #deletesMany = true

  /** Nothing is asked of the store before the first call. */
  constructor(options: S3MountOptions) {
    this.#connection = new S3Connection(options)
    this.#conditions = new S3Conditions(this.#connection)
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

  async read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    const { range, signal } = options
    this.#connection.keyOf(key)
    // Whatever the size, bounds that are none are refused before a request.
    resolveRange(range, Number.MAX_SAFE_INTEGER, key)
    if (range?.end !== undefined && range.end === range.start) {
      return this.#readNothing(key, range, options)
    }
    const from = range?.start ?? 0
    try {
      const opened = await this.#open(key, from, range?.end, undefined, signal)
      const { sizeBytes, etag } = opened
      const { start, end } = resolveRange(range, sizeBytes, key)
      if (start === end) {
        opened.body.resume()
        return { body: streamOf(new Uint8Array()), sizeBytes, etag }
      }
      const reopen = async (position: number) =>
        (await this.#open(key, position, end, etag, signal)).body
      const body = await resumingBody({ opened: opened.body, start, end, reopen, key, signal })
      return { body, sizeBytes, etag }
    } catch (error) {
      // The store has no ranges of nothing, not even from the first byte on.
      if (s3Code(error) !== 'InvalidRange' || range === undefined) throw error
      return this.#readNothing(key, range, options)
    }
  }

  async head(key: string, { signal }: CallOptions = {}): Promise<MountObject | undefined> {
    const found = await this.#head(key, signal)
    return found === undefined ? undefined : objectOf(key, found)
  }

  /** Bodies over 8 MiB are written in parts; up to four are in memory. */
  async write(
    key: string,
    body: Uint8Array | ByteStream,
    options: ObjectWriteOptions = {},
  ): Promise<Written> {
    const hash = new RunningHash()
    const source =
      body instanceof Uint8Array ? partsOfBytes(body, hash) : partsOfStream(body, hash, options)
    try {
      this.#connection.keyOf(key)
      if (options.ifAbsent === true && options.ifEtag !== undefined) {
        throw new MindtraceError('INVALID_INPUT', 'ifAbsent and ifEtag exclude each other')
      }
      const first = await source.next(wholeBytes)
      await this.#withBucket(() => this.#conditions.check(options), options.signal)
      const { etag, sha256 } = await this.#store(key, first, source, hash, options)
      return { sizeBytes: hash.sizeBytes, sha256, etag }
    } catch (error) {
      await source.cancel(error)
      options.signal?.throwIfAborted()
      throw error
    }
  }

  async delete(key: string, { signal }: CallOptions = {}): Promise<void> {
    const command = new DeleteObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(key),
    })
    await nothingWhenAbsent(this.#connection.send(command, { action: 'delete', key, signal }))
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
  async sweep({
    olderThanMs,
    signal,
  }: CallOptions & { readonly olderThanMs: number }): Promise<number> {
    const before = Date.now() - olderThanMs
    const { prefix: ours } = this.#connection
    let swept = 0
    try {
      for await (const { Key = '', UploadId = '', Initiated } of uploadsOf(this.#connection, {
        signal,
      })) {
        const key = Key.slice(ours.length)
        if (Initiated === undefined || Initiated.getTime() > before || !isKey(key)) continue
        await this.abortParts({ key, uploadId: UploadId }, { signal })
        swept += 1
      }
    } catch (error) {
      if (s3Code(error) !== 'NoSuchBucket') throw error
    }
    return swept
  }

  /** Beyond the limit the target is put together from parts; until the end it holds what it held. */
  async copy(source: string, target: string, options: CopyOptions = {}): Promise<MountObject> {
    const { contentType, signal, place = this.place } = options
    const key = this.#connection.keyOf(target)
    const isOnItself =
      place.bucket === this.place.bucket && key === this.#connection.keyOf(source, place)
    for (let attempt = 1; ; attempt++) {
      const found = await this.#head(source, signal, place)
      if (found === undefined) throw nothingAt(source, `s3://${place.bucket}/${place.prefix}`)
      if (isOnItself && contentType === undefined) return objectOf(target, found)
      try {
        const copy = { source, place, target, found, contentType, signal }
        if ((found.ContentLength ?? 0) <= this.#copyPartBytes) {
          await copyWhole(this.#connection, copy)
        } else {
          await copyInParts(this.#connection, copy, this.#copyPartBytes)
        }
        const made = await this.#head(target, signal)
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

  async deleteMany(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) this.#connection.keyOf(key)
    const groups: string[][] = []
    for await (const group of inGroups(keys, keysPerDelete)) groups.push(group)
    await mapBounded(groups, parallelDeletes, (group) => this.#deleteGroup(group, options), options)
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

  async beginParts(
    key: string,
    options: CallOptions & { readonly contentType?: string | undefined } = {},
  ): Promise<PartsUpload> {
    const begin = () => beginUpload(this.#connection, key, options)
    return { key, uploadId: await this.#withBucket(begin, options.signal) }
  }

  async writePart(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    options: CallOptions = {},
  ): Promise<UploadedPart> {
    checkPartNumber(number)
    return await putPart(this.#connection, upload, number, body, options)
  }

  async signPart(
    upload: PartsUpload,
    number: number,
    options: SignOptions,
  ): Promise<SignedRequest> {
    checkPartNumber(number)
    const command = new UploadPartCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(upload.key),
      UploadId: upload.uploadId,
      PartNumber: number,
    })
    const url = await this.#connection.sign(command, {
      ...options,
      action: 'sign a part of',
      key: upload.key,
    })
    return { method: 'PUT', url, headers: {} }
  }

  async listParts(upload: PartsUpload, { signal }: CallOptions = {}): Promise<UploadedPart[]> {
    const parts: UploadedPart[] = []
    let marker: string | undefined
    do {
      const command = new ListPartsCommand({
        Bucket: this.#connection.bucket,
        Key: this.#connection.keyOf(upload.key),
        UploadId: upload.uploadId,
        PartNumberMarker: marker,
      })
      const sending = { action: 'list the parts of', key: upload.key, signal }
      const page: ListPartsCommandOutput = await this.#connection.send(command, sending)
      for (const { PartNumber = 0, Size = 0, ETag } of page.Parts ?? []) {
        parts.push({ number: PartNumber, sizeBytes: Size, etag: unquoted(ETag) })
      }
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
    } while (marker !== undefined)
    return parts
  }

  async completeParts(
    upload: PartsUpload,
    parts: readonly UploadedPart[],
    options: CallOptions & { readonly ifAbsent?: boolean | undefined } = {},
  ): Promise<MountObject> {
    const { key } = upload
    if (parts.length === 0) {
      throw new MindtraceError('INVALID_INPUT', `the upload of '${key}' has no parts; write one`)
    }
    await this.#conditions.check(options)
    try {
      await completeUpload(this.#connection, upload, parts, options)
    } catch (error) {
      const mayBeDone = attemptsOf(error) > 1 && isRefusal(error)
      const there = mayBeDone ? await this.#head(key, options.signal) : undefined
      if (there === undefined || unquoted(there.ETag) !== etagOfParts(parts)) {
        throw refusalOf(error, key, options)
      }
    }
    const made = await this.#head(key, options.signal)
    if (made === undefined) throw nothingAt(key, this.location)
    return objectOf(key, made)
  }

  async abortParts(upload: PartsUpload, options: CallOptions = {}): Promise<void> {
    await nothingWhenAbsent(abortUpload(this.#connection, upload, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close()
  }

  async #store(
    key: string,
    first: BodyPart,
    source: PartSource,
    hash: RunningHash,
    options: ObjectWriteOptions,
  ): Promise<{ readonly etag: string; readonly sha256: string }> {
    const { ifAbsent, ifEtag, contentType, signal } = options
    const isConditional = ifAbsent === true || ifEtag !== undefined
    if (ifAbsent === true && first.bytes.byteLength >= askFirstBytes) {
      if ((await this.#head(key, signal)) !== undefined) throw refusalOf(undefined, key, options)
    }
    const token = isConditional || !first.isLast ? newToken() : undefined
    const metadata = token === undefined ? undefined : { [writeToken]: token }
    const facts = { contentType, ifAbsent, ifEtag, signal, metadata }
    const wholeSha256 = first.isLast ? hash.digestHex() : undefined
    const send = () =>
      wholeSha256 === undefined
        ? uploadInParts(this.#connection, key, first, source, facts)
        : putWhole(this.#connection, key, first.bytes, { ...facts, sha256: wholeSha256 })
    const etag = await this.#withBucket(send, signal).catch((error: unknown) =>
      this.#etagOfLostWrite(error, key, facts),
    )
    return { etag, sha256: wholeSha256 ?? hash.digestHex() }
  }

  /** The etag of our own earlier request, if that is why this one was refused; otherwise throws the refusal. */
  async #etagOfLostWrite(error: unknown, key: string, facts: WriteFacts): Promise<string> {
    const token = facts.metadata?.[writeToken]
    if (token !== undefined && attemptsOf(error) > 1 && isRefusal(error)) {
      const there = await this.#head(key, facts.signal)
      if (there?.Metadata?.[writeToken] === token) return unquoted(there.ETag)
    }
    throw refusalOf(error, key, facts)
  }

  async #withBucket<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (s3Code(error) !== 'NoSuchBucket') throw error
    }
    const command = new CreateBucketCommand({ Bucket: this.#connection.bucket })
    try {
      await this.#connection.send(command, { action: 'make the bucket of', signal })
    } catch (error) {
      // Another writer was faster.
      if (s3Code(error) !== 'BucketAlreadyOwnedByYou') throw error
    }
    return await work()
  }

  async #head(
    key: string,
    signal: AbortSignal | undefined,
    place: StorePlace = this.place,
  ): Promise<HeadObjectCommandOutput | undefined> {
    const command = new HeadObjectCommand({
      Bucket: place.bucket,
      Key: this.#connection.keyOf(key, place),
    })
    return await nothingWhenAbsent(
      this.#connection.send(command, { action: 'look up', key, signal }),
    )
  }

  async #readNothing(key: string, range: ByteRange, { signal }: ReadOptions): Promise<MountRead> {
    const found = await this.head(key, { signal })
    if (found === undefined) throw nothingAt(key, this.location)
    const { sizeBytes, etag } = found
    const { start, end } = resolveRange(range, sizeBytes, key)
    if (start === end) return { body: streamOf(new Uint8Array()), sizeBytes, etag }
    throw changedMeanwhile(key, undefined)
  }

  async #open(
    key: string,
    start: number,
    end: number | undefined,
    etag: string | undefined,
    signal: AbortSignal | undefined,
  ) {
    const isWhole = start === 0 && end === undefined
    const command = new GetObjectCommand({
      Bucket: this.#connection.bucket,
      Key: this.#connection.keyOf(key),
      Range: isWhole ? undefined : `bytes=${start}-${end === undefined ? '' : end - 1}`,
      IfMatch: etag === undefined ? undefined : quoted(etag),
    })
    const answer = await this.#connection.send(command, { action: 'read', key, signal })
    const body = answer.Body as Readable
    const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]
    if (!isWhole && total === undefined) {
      body.destroy()
      throw new MindtraceError(
        'NOT_IMPLEMENTED',
        `the store of '${this.location}' does not answer ranges`,
      )
    }
    return {
      body,
      sizeBytes: total === undefined ? (answer.ContentLength ?? 0) : Number(total),
      etag: unquoted(answer.ETag),
    }
  }

  async #deleteGroup(keys: readonly string[], options: CallOptions): Promise<void> {
    // XML, in which the keys of a group are sent, has no control characters.
    const isSendable = (key: string) => this.#deletesMany && !hasControlCharacter(key)
    const rest = await this.#deleteTogether(keys.filter(isSendable), options)
    const single = [...keys.filter((key) => !isSendable(key)), ...rest]
    await mapBounded(
      [...new Set(single)],
      parallelDeletes,
      (key) => this.delete(key, options),
      options,
    )
  }

  /** Gives the keys that the store did not delete, to be tried one by one: that tells why. */
  async #deleteTogether(
    keys: readonly string[],
    { signal }: CallOptions,
  ): Promise<readonly string[]> {
    if (keys.length < 2) return keys
    const command = new DeleteObjectsCommand({
      Bucket: this.#connection.bucket,
      Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: this.#connection.keyOf(key) })) },
    })
    const sending = { action: `delete ${keys.length} keys of`, signal }
    try {
      const { Errors = [] } = await this.#connection.send(command, sending)
      return Errors.flatMap(({ Key }) => Key?.slice(this.#connection.prefix.length) ?? [])
    } catch (error) {
      if (s3Code(error) === 'NoSuchBucket') return []
      if (
        !isMindtraceError(error, 'NOT_IMPLEMENTED') &&
        !isMindtraceError(error, 'INVALID_INPUT')
      ) {
        throw error
      }
      // Some stores have no such request, or want it with a digest that this SDK does not send.
      this.#deletesMany = false
      return keys
    }
  }
}

function objectOf(
  key: string,
  found: Pick<HeadObjectCommandOutput, 'ContentLength' | 'ETag' | 'LastModified'>,
): MountObject {
  return {
    key,
    sizeBytes: found.ContentLength ?? 0,
    etag: unquoted(found.ETag),
    modifiedAt: toInstant(found.LastModified ?? new Date(0)),
  }
}

async function nothingWhenAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

function isKey(key: string): boolean {
  try {
    checkKey(key)
    return true
  } catch {
    return false
  }
}

function hasControlCharacter(key: string): boolean {
  return /[\p{Cc}\ufffe\uffff]/u.test(key)
}

function checkPartNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= partLimits.maxParts) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `parts have the numbers 1 to ${partLimits.maxParts}, not ${number}`,
  )
}

/** What an earlier request of the same write may have caused: its condition fails, its upload is over. */
function isRefusal(error: unknown): boolean {
  const code = s3Code(error)
  return (
    isMindtraceError(error, 'PRECONDITION_FAILED') ||
    code === 'NoSuchUpload' ||
    code === 'NoSuchKey'
  )
}

function refusalOf(error: unknown, key: string, { ifAbsent, ifEtag }: WriteFacts): unknown {
  const isDecided =
    error === undefined ||
    isMindtraceError(error, 'PRECONDITION_FAILED') ||
    (ifEtag !== undefined && s3Code(error) === 'NoSuchKey')
  if (!isDecided || (ifAbsent !== true && ifEtag === undefined)) return error
  return ifAbsent === true ? existsAlready(key, error) : notWhatItWas(key, error)
}

function changedMeanwhile(key: string, cause: unknown): MindtraceError {
  return new MindtraceError('UNAVAILABLE', `'${key}' was changed meanwhile; repeat`, {
    cause,
    details: { key },
  })
}
