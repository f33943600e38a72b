import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type MultipartUpload,
} from '@aws-sdk/client-s3'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { S3Connection } from './s3-connection.ts'

/** The pages of a list, the next one under way while this one is used. Two are in memory at most. */
export async function* pagesOf(
  connection: S3Connection,
  input: Omit<ListObjectsV2CommandInput, 'Bucket' | 'EncodingType' | 'ContinuationToken'>,
  { signal }: CallOptions,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  const leaving = new AbortController()
  const either = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal])
  const fetchPage = (token: string | undefined) =>
    connection.send(
      new ListObjectsV2Command({
        ...input,
        Bucket: connection.bucket,
        // XML cannot hold every character that a key may have.
        EncodingType: 'url',
        ContinuationToken: token,
      }),
      { action: 'list', signal: either },
    )
  let next: Promise<ListObjectsV2CommandOutput> | undefined = fetchPage(undefined)
  let token: string | undefined
  try {
    while (next !== undefined) {
      const page: ListObjectsV2CommandOutput = await next
      next = undefined
      if (page.IsTruncated === true) {
        if (page.NextContinuationToken === undefined || page.NextContinuationToken === token) {
          throw new MindtraceError('UNAVAILABLE', `the list of '${connection.location}' broke off`)
        }
        token = page.NextContinuationToken
        next = fetchPage(token)
        next.catch(() => {}) // thrown where it is awaited
      }
      yield page
    }
  } finally {
    leaving.abort()
  }
}

/** A key of a list; undefined when it is none in UTF-8. */
export function decodedKey(
  key: string | undefined,
  { EncodingType }: ListObjectsV2CommandOutput,
): string | undefined {
  if (EncodingType !== 'url' || key === undefined || !/[%+]/.test(key)) return key
  try {
    return decodeURIComponent(key.replaceAll('+', '%20'))
  } catch {
    return undefined
  }
}

/**
 * The uploads that were begun under the prefix and are not over. MinIO takes a prefix for a whole key here, so
 * elsewhere than at Amazon those of the bucket are gone through.
 */
export async function* uploadsOf(
  connection: S3Connection,
  { signal }: CallOptions,
): AsyncGenerator<MultipartUpload> {
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined =
    {}
  while (marker !== undefined) {
    const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
      Bucket: connection.bucket,
      ...(connection.isAmazon ? { Prefix: connection.prefix } : {}),
      ...marker,
    })
    const page = await connection.send(command, { action: 'list the uploads of', signal })
    for (const upload of page.Uploads ?? []) {
      if (upload.Key?.startsWith(connection.prefix)) yield upload
    }
    marker =
      page.IsTruncated === true
        ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        : undefined
  }
}
