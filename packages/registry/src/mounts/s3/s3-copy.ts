import {
  CopyObjectCommand,
  type HeadObjectCommandOutput,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { type CallOptions, mapBounded } from '@mindtrace/core'
import type { StorePlace } from '../../mount.ts'
import type { S3Connection } from './s3-connection.ts'
import { quoted, unquoted } from './s3-etag.ts'
import { beginUpload, completeUpload, dropUpload } from './s3-upload.ts'

/** A copy within one store. */
export interface S3Copy extends CallOptions {
  /** Where the source lies. */
  readonly place: StorePlace
  readonly source: string
  readonly target: string
  /** The source as it was found: another one is not copied. */
  readonly found: HeadObjectCommandOutput
  /** Default: that of the source. */
  readonly contentType?: string | undefined
}

const parallelCopies = 4

/** Copies in one request, which is atomic. */
export async function copyWhole(connection: S3Connection, copy: S3Copy): Promise<void> {
  const { source, target, found, contentType, signal } = copy
  const command = () =>
    new CopyObjectCommand({
      Bucket: connection.bucket,
      Key: connection.keyOf(target),
      CopySource: sourceOf(connection, copy),
      CopySourceIfMatch: quoted(unquoted(found.ETag)),
      ...(contentType === undefined
        ? {}
        : { ContentType: contentType, MetadataDirective: 'REPLACE' }),
    })
  await connection.sendUntilTaken(command, { action: 'copy', key: source, signal })
}

/** Copies in parts of a size, some beside each other; the target is replaced at the end. */
export async function copyInParts(
  connection: S3Connection,
  copy: S3Copy,
  partBytes: number,
): Promise<void> {
  const { source, target, found, contentType, signal } = copy
  const sizeBytes = found.ContentLength ?? 0
  const uploadId = await beginUpload(connection, target, {
    contentType: contentType ?? found.ContentType,
    signal,
  })
  const upload = { key: target, uploadId }
  try {
    const starts = Array.from(
      { length: Math.ceil(sizeBytes / partBytes) },
      (_, index) => index * partBytes,
    )
    const copyPart = async (start: number, index: number) => {
      const end = Math.min(start + partBytes, sizeBytes)
      const command = () =>
        new UploadPartCopyCommand({
          Bucket: connection.bucket,
          Key: connection.keyOf(target),
          UploadId: uploadId,
          PartNumber: index + 1,
          CopySource: sourceOf(connection, copy),
          CopySourceRange: `bytes=${start}-${end - 1}`,
          CopySourceIfMatch: quoted(unquoted(found.ETag)),
        })
      const { CopyPartResult } = await connection.sendUntilTaken(command, {
        action: 'copy',
        key: source,
        signal,
      })
      return { number: index + 1, sizeBytes: end - start, etag: unquoted(CopyPartResult?.ETag) }
    }
    const parts = await mapBounded(starts, parallelCopies, copyPart, { signal })
    await completeUpload(connection, upload, parts, { signal })
  } catch (error) {
    await dropUpload(connection, upload)
    throw error
  }
}

function sourceOf(connection: S3Connection, { source, place }: S3Copy): string {
  const path = connection.keyOf(source, place).split('/').map(encodeURIComponent).join('/')
  return `${place.bucket}/${path}`
}
