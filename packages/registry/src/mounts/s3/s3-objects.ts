import { HeadObjectCommand, type HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { isMindtraceError, MindtraceError, toInstant } from '@mindtrace/core'
import type { MountObject, StorePlace } from '../../mount.ts'
import { checkKey } from '../../mount-key.ts'
import type { S3Connection } from './s3-connection.ts'
import { unquoted } from './s3-etag.ts'

/** What the store says of a key; undefined when it holds nothing. */
export async function headOf(
  connection: S3Connection,
  key: string,
  signal: AbortSignal | undefined,
  place: StorePlace = connection.place,
): Promise<HeadObjectCommandOutput | undefined> {
  const command = new HeadObjectCommand({
    Bucket: place.bucket,
    Key: connection.keyOf(key, place),
  })
  return await nothingWhenAbsent(connection.send(command, { action: 'look up', key, signal }))
}

/** The facts of an object, from an answer of the store. */
export function objectOf(
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

/** The answer, or undefined when the store has no such thing. */
export async function nothingWhenAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

/** Whether a mount could have a key of that text. */
export function isKey(key: string): boolean {
  try {
    checkKey(key)
    return true
  } catch {
    return false
  }
}

/** A key became another object between two requests. */
export function changedMeanwhile(key: string, cause: unknown): MindtraceError {
  return new MindtraceError('UNAVAILABLE', `'${key}' was changed meanwhile; repeat`, {
    cause,
    details: { key },
  })
}
