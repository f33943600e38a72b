import { hash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { CallOptions } from '@mindtrace/core'
import type { UploadedPart } from '../../mount.ts'
import type { S3Command, S3Connection, SendOptions } from './s3-connection.ts'
import { quoted, unquoted } from './s3-etag.ts'
import { type BodyPart, type PartSource, parallelParts, partBytes } from './s3-parts.ts'

/** What a key must hold for a write to be done, as the store decides it. */
export interface WriteCondition {
  readonly ifAbsent?: boolean | undefined
  readonly ifEtag?: string | undefined
}

/** What is written beside the bytes. */
export interface WriteFacts extends WriteCondition, CallOptions {
  readonly contentType?: string | undefined
  readonly metadata?: Record<string, string> | undefined
}

const cleanUpTimeoutMs = 5000

/** Writes bytes in one request; gives their etag. */
export async function putWhole(
  connection: S3Connection,
  key: string,
  bytes: Uint8Array,
  facts: WriteFacts & { readonly sha256: string },
): Promise<string> {
  const command = () =>
    signedWith(
      facts.sha256,
      new PutObjectCommand({
        Bucket: connection.bucket,
        Key: connection.keyOf(key),
        Body: bytes,
        ContentType: facts.contentType,
        Metadata: facts.metadata,
        ...conditionOf(facts),
      }),
    )
  const { ETag } = await connection.sendUntilTaken(command, sending('write', key, facts))
  return unquoted(ETag)
}

/** Sends one part of an upload. */
export async function putPart(
  connection: S3Connection,
  upload: { readonly key: string; readonly uploadId: string },
  number: number,
  bytes: Uint8Array,
  options: CallOptions,
): Promise<UploadedPart> {
  const sha256 = hash('sha256', bytes, 'hex')
  const command = () =>
    signedWith(
      sha256,
      new UploadPartCommand({
        Bucket: connection.bucket,
        Key: connection.keyOf(upload.key),
        UploadId: upload.uploadId,
        PartNumber: number,
        Body: bytes,
      }),
    )
  const { ETag } = await connection.sendUntilTaken(
    command,
    sending(`write part ${number} of`, upload.key, options),
  )
  return { number, sizeBytes: bytes.byteLength, etag: unquoted(ETag) }
}

/** Begins an upload in parts; gives its id. */
export async function beginUpload(
  connection: S3Connection,
  key: string,
  { contentType, metadata, signal }: WriteFacts,
): Promise<string> {
  const { UploadId = '' } = await connection.send(
    new CreateMultipartUploadCommand({
      Bucket: connection.bucket,
      Key: connection.keyOf(key),
      ContentType: contentType,
      Metadata: metadata,
    }),
    sending('begin to write', key, { signal }),
  )
  return UploadId
}

/** Makes parts the bytes of the key; gives their etag. */
export async function completeUpload(
  connection: S3Connection,
  upload: { readonly key: string; readonly uploadId: string },
  parts: readonly UploadedPart[],
  facts: WriteFacts,
): Promise<string> {
  const command = () =>
    new CompleteMultipartUploadCommand({
      Bucket: connection.bucket,
      Key: connection.keyOf(upload.key),
      UploadId: upload.uploadId,
      MultipartUpload: {
        Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: quoted(etag) })),
      },
      ...conditionOf(facts),
    })
  const { ETag } = await connection.sendUntilTaken(command, sending('write', upload.key, facts))
  return unquoted(ETag)
}

/** Drops an upload and its parts. */
export async function abortUpload(
  connection: S3Connection,
  upload: { readonly key: string; readonly uploadId: string },
  options: CallOptions,
): Promise<void> {
  await connection.send(
    new AbortMultipartUploadCommand({
      Bucket: connection.bucket,
      Key: connection.keyOf(upload.key),
      UploadId: upload.uploadId,
    }),
    sending('drop the upload of', upload.key, options),
  )
}

/**
 * Uploads a body whose first part is known not to be all, some parts beside each other. Whatever fails
 * first ends the rest, and the store keeps nothing; gives the etag.
 */
export async function uploadInParts(
  connection: S3Connection,
  key: string,
  first: BodyPart,
  source: PartSource,
  facts: WriteFacts,
): Promise<string> {
  const upload = { key, uploadId: await beginUpload(connection, key, facts) }
  try {
    const parts = await sendParts(first, source, facts, (number, bytes, signal) =>
      putPart(connection, upload, number, bytes, { signal }),
    )
    return await completeUpload(connection, upload, parts, facts)
  } catch (error) {
    await source.cancel(error)
    await dropUpload(connection, upload)
    throw error
  }
}

/** Drops what a failed write began. Its error is the one to be told; what remains is for a sweep. */
export async function dropUpload(
  connection: S3Connection,
  upload: { readonly key: string; readonly uploadId: string },
): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpTimeoutMs)
  await abortUpload(connection, upload, { signal }).catch(() => {})
}

async function sendParts(
  first: BodyPart,
  source: PartSource,
  { signal }: CallOptions,
  send: (number: number, bytes: Uint8Array, signal: AbortSignal) => Promise<UploadedPart>,
): Promise<UploadedPart[]> {
  const failing = new AbortController()
  const either = signal === undefined ? failing.signal : AbortSignal.any([signal, failing.signal])
  const underWay = new Set<Promise<void>>()
  const parts: UploadedPart[] = []
  const start = (number: number, part: BodyPart) => {
    const one = send(number, part.bytes, either)
      .then((sent) => {
        parts[number - 1] = sent
        source.release(part)
      })
      .catch(async (error: unknown) => {
        if (failing.signal.aborted) return
        failing.abort(error)
        // It may be waiting for a source that gives nothing.
        await source.cancel(error)
      })
      .finally(() => underWay.delete(one))
    underWay.add(one)
  }
  try {
    for (let part = first, number = 1; ; part = await source.next(partBytes(number))) {
      start(number, part)
      if (part.isLast) break
      number += 1
      while (underWay.size >= parallelParts(partBytes(number))) await Promise.race(underWay)
      either.throwIfAborted()
    }
  } catch (error) {
    failing.abort(error)
    throw error
  } finally {
    // A part must not arrive after its upload was dropped.
    await Promise.all(underWay)
  }
  either.throwIfAborted()
  return parts
}

function conditionOf({ ifAbsent, ifEtag }: WriteCondition) {
  return {
    ...(ifAbsent === true ? { IfNoneMatch: '*' } : {}),
    ...(ifEtag === undefined ? {} : { IfMatch: quoted(ifEtag) }),
  }
}

function sending(action: string, key: string, { signal }: CallOptions): SendOptions {
  return { action, key, signal }
}

/**
 * The SHA-256 of the body goes into the signature, so the store refuses bytes that changed on their way.
 * Telling it spares the SDK a pass over bytes that are hashed already.
 */
function signedWith<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  sha256: string,
  command: S3Command<I, O>,
): S3Command<I, O> {
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { step: 'build', name: 'payloadHash' },
  )
  return command
}
