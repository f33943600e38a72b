import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  ChunkRelay,
  endOf,
  MindtraceError,
  streamOf,
} from '@mindtrace/core'
import { resolveRange } from '../../byte-range.ts'
import type { ByteRange, MountRead } from '../../mount.ts'
import { nothingAt } from '../mount-errors.ts'
import type { GcsBucket } from './gcs-bucket.ts'
import type { GcsAnswer } from './gcs-client.ts'
import { GcsOutage, gcsError, isBucketMissing, isRefusal, noBucket } from './gcs-errors.ts'

/** Objects up to this size are read, and checked, before they are given out. */
const smallBytes = 1024 * 1024
const smallAttempts = 3

/** What is read, and where. */
export interface GcsDownload extends CallOptions {
  readonly bucket: GcsBucket
  readonly name: string
  readonly key: string
  readonly range?: ByteRange | undefined
}

/**
 * Opens an object. The generation that was opened is pinned: a connection that breaks is opened again at the
 * byte where it broke, and gives the bytes of that generation or an error, never those of another. A whole
 * object is compared with the store's MD5, which composed objects have not.
 */
export async function download(wanted: GcsDownload): Promise<MountRead> {
  resolveRange(wanted.range, Number.MAX_SAFE_INTEGER, wanted.key) // refuses what can be no range
  for (let attempt = 1; ; attempt++) {
    const opened = await openAt(wanted)
    if (opened === undefined) return await emptyRange(wanted)
    const { start, end, sizeBytes, etag } = opened
    const body = bodyOf(wanted, opened)
    if (end - start > smallBytes) return { body, sizeBytes, etag }
    try {
      return { body: streamOf(await bytesOf(body, smallBytes, wanted)), sizeBytes, etag }
    } catch (error) {
      wanted.signal?.throwIfAborted()
      // The store may have given bytes of one object with the facts of another.
      if (attempt === smallAttempts) throw error
      if (!isReplaced(error)) throw error
    }
  }
}

interface Opened {
  readonly answer: IncomingMessage
  readonly start: number
  readonly end: number
  readonly sizeBytes: number
  readonly etag: string
  readonly md5: string | undefined
}

/** Undefined when the range holds no byte. */
async function openAt({
  bucket,
  name,
  key,
  range,
  signal,
}: GcsDownload): Promise<Opened | undefined> {
  if (range !== undefined && range.end !== undefined && range.end <= range.start) return undefined
  const asked =
    range === undefined || (range.start === 0 && range.end === undefined)
      ? undefined
      : `bytes=${range.start}-${range.end === undefined ? '' : range.end - 1}`
  const answer = await opening(bucket, name, () => bucket.media(name, { range: asked, signal }))
  if (answer.status === 416) {
    answer.body.destroy()
    return undefined
  }
  const sizeBytes = sizeOf(answer)
  const { start, end } = resolveRange(asked === undefined ? undefined : range, sizeBytes, key)
  if (asked !== undefined && answer.status !== 206) {
    answer.body.destroy()
    throw new MindtraceError('UNAVAILABLE', `the store gives no ranges of '${key}'`)
  }
  const etag = answer.header('x-goog-generation') ?? ''
  const md5 = asked === undefined ? md5Of(answer) : undefined
  return { answer: answer.body, start, end, sizeBytes, etag, md5 }
}

// A range that starts at or past the end, or is empty: the facts decide.
async function emptyRange({ bucket, name, key, range, signal }: GcsDownload): Promise<MountRead> {
  const object = await bucket.stat(name, { signal })
  if (object === undefined) throw notFound(bucket, name)
  const sizeBytes = Number(object.size)
  const { start, end } = resolveRange(range, sizeBytes, key)
  if (start < end) throw replaced(key, undefined)
  return { body: streamOf(new Uint8Array()), sizeBytes, etag: object.generation }
}

function bodyOf(wanted: GcsDownload, opened: Opened): ByteStream {
  const { bucket, key, signal } = wanted
  const { client } = bucket
  const md5 = opened.md5 === undefined ? undefined : createHash('md5')
  let position = opened.start
  let answer: IncomingMessage | undefined = opened.answer
  let bytes: AsyncIterator<Uint8Array> = iteratorOf(opened.answer)
  let failures = 0
  let since = performance.now()

  const drop = () => {
    answer?.destroy()
    answer = undefined
  }
  const onAbort = () => drop()
  signal?.addEventListener('abort', onAbort, { once: true })
  const end = () => {
    signal?.removeEventListener('abort', onAbort)
    drop()
  }
  const next = async (): Promise<Uint8Array> => {
    for (;;) {
      signal?.throwIfAborted()
      try {
        if (answer === undefined) {
          answer = await reopen(wanted, opened, position)
          bytes = iteratorOf(answer)
        }
        const chunk = await client.nextOf(answer, bytes)
        if (chunk !== undefined) {
          failures = 0
          since = performance.now()
          return chunk
        }
        throw new GcsOutage(`the answer ended after ${position} of ${opened.end} bytes`)
      } catch (error) {
        drop()
        await client.pause(error, ++failures, { since, signal })
      }
    }
  }

  const relay = new ChunkRelay()
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        try {
          if (relay.isEmpty && position < opened.end) {
            const chunk = await next()
            position += chunk.byteLength
            md5?.update(chunk)
            if (position > opened.end) throw corrupt(key)
            relay.hold(chunk)
          }
          if (!relay.isEmpty) relay.passTo(controller)
          if (!relay.isEmpty || position < opened.end) return
          if (md5 !== undefined && md5.digest('base64') !== opened.md5) throw corrupt(key)
          // The connection can serve again when its answer is read to the end.
          answer?.resume()
          answer = undefined
          end()
          endOf(controller)
        } catch (error) {
          end()
          controller.error(
            signal?.aborted === true
              ? signal.reason
              : gcsError(error, 'read', `gs://${bucket.name}/${wanted.name}`),
          )
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
}

async function reopen(
  { bucket, name, key, signal }: GcsDownload,
  { end, etag, sizeBytes }: Opened,
  position: number,
): Promise<IncomingMessage> {
  const range = `bytes=${position}-${end - 1}`
  let answer: GcsAnswer
  try {
    answer = await bucket.media(name, { range, generation: etag, signal })
  } catch (error) {
    if (isRefusal(error, 404)) throw replaced(key, error)
    throw error
  }
  const isSame =
    answer.status === 206 &&
    (answer.header('x-goog-generation') ?? etag) === etag &&
    answer.header('content-range') === `bytes ${position}-${end - 1}/${sizeBytes}`
  if (isSame) return answer.body
  answer.body.destroy()
  throw replaced(key, undefined)
}

async function opening(
  bucket: GcsBucket,
  name: string,
  open: () => Promise<GcsAnswer>,
): Promise<GcsAnswer> {
  try {
    return await open()
  } catch (error) {
    throw isRefusal(error, 404) ? notFound(bucket, name, error) : bucket.error(error, 'read', name)
  }
}

// The length of this answer is not asked: a proxy that cuts one may adapt it.
function sizeOf({ header }: GcsAnswer): number {
  const size =
    /\/(\d+)$/.exec(header('content-range') ?? '')?.[1] ??
    header('x-goog-stored-content-length') ??
    header('content-length')
  if (size === undefined) throw new MindtraceError('UNAVAILABLE', 'the store names no size')
  return Number(size)
}

function md5Of({ header }: GcsAnswer): string | undefined {
  return /(?:^|[,\s])md5=([^,\s]+)/.exec(header('x-goog-hash') ?? '')?.[1]
}

function iteratorOf(answer: IncomingMessage): AsyncIterator<Uint8Array> {
  // An answer that was handed over must outlive a loop that is left.
  return answer.iterator({ destroyOnReturn: false })
}

function notFound(bucket: GcsBucket, name: string, cause?: unknown): MindtraceError {
  return isBucketMissing(cause)
    ? noBucket(bucket.name, cause)
    : nothingAt(name, `gs://${bucket.name}`, cause)
}

const replacedDetail = { isReplaced: true }

function replaced(key: string, cause: unknown): MindtraceError {
  const message = `'${key}' was replaced or deleted while it was read, and the connection broke; read it again`
  return new MindtraceError('UNAVAILABLE', message, { cause, details: { key, ...replacedDetail } })
}

function corrupt(key: string): MindtraceError {
  const message = `the bytes of '${key}' are not those that the store's checksum is of; read it again`
  return new MindtraceError('CORRUPT', message, { details: { key, ...replacedDetail } })
}

function isReplaced(error: unknown): boolean {
  return error instanceof MindtraceError && error.details.isReplaced === true
}
