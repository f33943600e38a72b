import {
  ListPartsCommand,
  type ListPartsCommandOutput,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type {
  MountObject,
  PartsUpload,
  SignedRequest,
  SignOptions,
  UploadedPart,
} from '../../mount.ts'
import { nothingAt } from '../mount-errors.ts'
import type { S3Conditions } from './s3-conditions.ts'
import type { S3Connection } from './s3-connection.ts'
import { attemptsOf, s3Code } from './s3-errors.ts'
import { etagOfParts, unquoted } from './s3-etag.ts'
import { uploadsOf } from './s3-list.ts'
import { headOf, isKey, nothingWhenAbsent, objectOf } from './s3-objects.ts'
import { partLimits } from './s3-parts.ts'
import { abortUpload, beginUpload, completeUpload, putPart } from './s3-upload.ts'
import { isRefusal, refusalOf, withBucket } from './s3-write.ts'

/** Uploads whose parts others send, perhaps from elsewhere and over days. */
export class S3Multipart {
  readonly #connection: S3Connection
  readonly #conditions: S3Conditions

  constructor(connection: S3Connection, conditions: S3Conditions) {
    this.#connection = connection
    this.#conditions = conditions
  }

  async begin(
    key: string,
    options: CallOptions & { readonly contentType?: string | undefined } = {},
  ): Promise<PartsUpload> {
    const begin = () => beginUpload(this.#connection, key, options)
    return { key, uploadId: await withBucket(this.#connection, begin, options.signal) }
  }

  async write(
    upload: PartsUpload,
    number: number,
    body: Uint8Array,
    options: CallOptions = {},
  ): Promise<UploadedPart> {
    checkPartNumber(number)
    return await putPart(this.#connection, upload, number, body, options)
  }

  async sign(upload: PartsUpload, number: number, options: SignOptions): Promise<SignedRequest> {
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

  async list(upload: PartsUpload, { signal }: CallOptions = {}): Promise<UploadedPart[]> {
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

  async complete(
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
      const there = mayBeDone ? await headOf(this.#connection, key, options.signal) : undefined
      if (there === undefined || unquoted(there.ETag) !== etagOfParts(parts)) {
        throw refusalOf(error, key, options)
      }
    }
    const made = await headOf(this.#connection, key, options.signal)
    if (made === undefined) throw nothingAt(key, this.#connection.location)
    return objectOf(key, made)
  }

  async abort(upload: PartsUpload, options: CallOptions = {}): Promise<void> {
    await nothingWhenAbsent(abortUpload(this.#connection, upload, options))
  }

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
        await this.abort({ key, uploadId: UploadId }, { signal })
        swept += 1
      }
    } catch (error) {
      if (s3Code(error) !== 'NoSuchBucket') throw error
    }
    return swept
  }
}

function checkPartNumber(number: number): void {
  if (Number.isInteger(number) && number >= 1 && number <= partLimits.maxParts) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `parts have the numbers 1 to ${partLimits.maxParts}, not ${number}`,
  )
}
