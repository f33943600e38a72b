import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { type ByteStream, isMindtraceError, MindtraceError, newToken } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import type { ObjectWriteOptions, Written } from '../../mount.ts'
import { existsAlready, notWhatItWas } from '../mount-errors.ts'
import type { S3Conditions } from './s3-conditions.ts'
import type { S3Connection } from './s3-connection.ts'
import { attemptsOf, s3Code } from './s3-errors.ts'
import { unquoted } from './s3-etag.ts'
import { headOf } from './s3-objects.ts'
import {
  type BodyPart,
  type PartSource,
  partsOfBytes,
  partsOfStream,
  wholeBytes,
} from './s3-parts.ts'
import { putWhole, uploadInParts, type WriteFacts } from './s3-upload.ts'

/** From this size on a create asks first whether the key is there, before sending bytes for nothing. */
const askFirstBytes = 1024 * 1024
/** Tells whether what a key holds was written by the request whose answer was lost. */
const writeToken = 'mt-write'

/** Writes whole bodies, small ones in one request. */
export class S3Writer {
  readonly #connection: S3Connection
  readonly #conditions: S3Conditions

  constructor(connection: S3Connection, conditions: S3Conditions) {
    this.#connection = connection
    this.#conditions = conditions
  }

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
      await withBucket(this.#connection, () => this.#conditions.check(options), options.signal)
      const { etag, sha256 } = await this.#store(key, first, source, hash, options)
      return { sizeBytes: hash.sizeBytes, sha256, etag }
    } catch (error) {
      await source.cancel(error)
      options.signal?.throwIfAborted()
      throw error
    }
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
      if ((await headOf(this.#connection, key, signal)) !== undefined)
        throw refusalOf(undefined, key, options)
    }
    const token = isConditional || !first.isLast ? newToken() : undefined
    const metadata = token === undefined ? undefined : { [writeToken]: token }
    const facts = { contentType, ifAbsent, ifEtag, signal, metadata }
    const wholeSha256 = first.isLast ? hash.digestHex() : undefined
    const send = () =>
      wholeSha256 === undefined
        ? uploadInParts(this.#connection, key, first, source, facts)
        : putWhole(this.#connection, key, first.bytes, { ...facts, sha256: wholeSha256 })
    const etag = await withBucket(this.#connection, send, signal).catch((error: unknown) =>
      this.#etagOfLostWrite(error, key, facts),
    )
    return { etag, sha256: wholeSha256 ?? hash.digestHex() }
  }

  /** The etag of our own earlier request, if that is why this one was refused; otherwise throws the refusal. */
  async #etagOfLostWrite(error: unknown, key: string, facts: WriteFacts): Promise<string> {
    const token = facts.metadata?.[writeToken]
    if (token !== undefined && attemptsOf(error) > 1 && isRefusal(error)) {
      const there = await headOf(this.#connection, key, facts.signal)
      if (there?.Metadata?.[writeToken] === token) return unquoted(there.ETag)
    }
    throw refusalOf(error, key, facts)
  }
}

/** Does what writes; makes the bucket when it is missing, and repeats. */
export async function withBucket<T>(
  connection: S3Connection,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (s3Code(error) !== 'NoSuchBucket') throw error
  }
  const command = new CreateBucketCommand({ Bucket: connection.bucket })
  try {
    await connection.send(command, { action: 'make the bucket of', signal })
  } catch (error) {
    // Another writer was faster.
    if (s3Code(error) !== 'BucketAlreadyOwnedByYou') throw error
  }
  return await work()
}

/** What an earlier request of the same write may have caused: its condition fails, its upload is over. */
export function isRefusal(error: unknown): boolean {
  const code = s3Code(error)
  return (
    isMindtraceError(error, 'PRECONDITION_FAILED') ||
    code === 'NoSuchUpload' ||
    code === 'NoSuchKey'
  )
}

/** What a refused write throws. */
export function refusalOf(error: unknown, key: string, { ifAbsent, ifEtag }: WriteFacts): unknown {
  const isDecided =
    error === undefined ||
    isMindtraceError(error, 'PRECONDITION_FAILED') ||
    (ifEtag !== undefined && s3Code(error) === 'NoSuchKey')
  if (!isDecided || (ifAbsent !== true && ifEtag === undefined)) return error
  return ifAbsent === true ? existsAlready(key, error) : notWhatItWas(key, error)
}
