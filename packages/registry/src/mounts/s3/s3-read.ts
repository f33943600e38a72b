import type { Readable } from 'node:stream'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { MindtraceError, streamOf } from '@mindtrace/core'
import { resolveRange } from '../../byte-range.ts'
import type { ByteRange, MountRead, ReadOptions } from '../../mount.ts'
import { nothingAt } from '../mount-errors.ts'
import { resumingBody } from './s3-body.ts'
import type { S3Connection } from './s3-connection.ts'
import { s3Code } from './s3-errors.ts'
import { quoted, unquoted } from './s3-etag.ts'
import { changedMeanwhile, headOf, objectOf } from './s3-objects.ts'

/** Opens the bytes of a key, or a range of them; a connection that breaks is opened again where it stopped. */
export async function readObject(
  connection: S3Connection,
  key: string,
  options: ReadOptions,
): Promise<MountRead> {
  const { range, signal } = options
  connection.keyOf(key)
  // Whatever the size, bounds that are none are refused before a request.
  resolveRange(range, Number.MAX_SAFE_INTEGER, key)
  if (range?.end !== undefined && range.end === range.start) {
    return readNothing(connection, key, range, options)
  }
  const from = range?.start ?? 0
  try {
    const opened = await openObject(connection, key, from, range?.end, undefined, signal)
    const { sizeBytes, etag } = opened
    const { start, end } = resolveRange(range, sizeBytes, key)
    if (start === end) {
      opened.body.resume()
      return { body: streamOf(new Uint8Array()), sizeBytes, etag }
    }
    const reopen = async (position: number) =>
      (await openObject(connection, key, position, end, etag, signal)).body
    const body = await resumingBody({ opened: opened.body, start, end, reopen, key, signal })
    return { body, sizeBytes, etag }
  } catch (error) {
    // The store has no ranges of nothing, not even from the first byte on.
    if (s3Code(error) !== 'InvalidRange' || range === undefined) throw error
    return readNothing(connection, key, range, options)
  }
}

async function readNothing(
  connection: S3Connection,
  key: string,
  range: ByteRange,
  { signal }: ReadOptions,
): Promise<MountRead> {
  const found = await headOf(connection, key, signal)
  if (found === undefined) throw nothingAt(key, connection.location)
  const { sizeBytes, etag } = objectOf(key, found)
  const { start, end } = resolveRange(range, sizeBytes, key)
  if (start === end) return { body: streamOf(new Uint8Array()), sizeBytes, etag }
  throw changedMeanwhile(key, undefined)
}

async function openObject(
  connection: S3Connection,
  key: string,
  start: number,
  end: number | undefined,
  etag: string | undefined,
  signal: AbortSignal | undefined,
) {
  const isWhole = start === 0 && end === undefined
  const command = new GetObjectCommand({
    Bucket: connection.bucket,
    Key: connection.keyOf(key),
    Range: isWhole ? undefined : `bytes=${start}-${end === undefined ? '' : end - 1}`,
    IfMatch: etag === undefined ? undefined : quoted(etag),
  })
  const answer = await connection.send(command, { action: 'read', key, signal })
  const body = answer.Body as Readable
  const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]
  if (!isWhole && total === undefined) {
    body.destroy()
    throw new MindtraceError(
      'NOT_IMPLEMENTED',
      `the store of '${connection.location}' does not answer ranges`,
    )
  }
  return {
    body,
    sizeBytes: total === undefined ? (answer.ContentLength ?? 0) : Number(total),
    etag: unquoted(answer.ETag),
  }
}
