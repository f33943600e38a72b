import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { type ByteStream, type CallOptions, lentChunksOf, MindtraceError } from '@mindtrace/core'
import {
  type FileMount,
  isFileMount,
  isObjectMount,
  type Mount,
  type ObjectMount,
  type PartsUpload,
} from './mount.ts'
import { localError } from './mounts/local/local-errors.ts'

/*
 * Bytes that come in order, by as many requests as it takes, to the place of an upload. A file is appended to. An object
 * store takes parts of one size: what is less than a part waits beside the upload's place as an object of its own,
 * `tail-<number of the part>`, until the next request brings more. Whoever repeats a request, even while the one before
 * still runs in another process, writes the same bytes to the same places; so no lock is needed.
 */

/** What is known of an upload whose bytes are appended. */
export interface AppendedUpload {
  /** Bytes of the whole. */
  readonly totalBytes: number
  /** Where a store takes parts: the upload in parts, and the size of each but the last. */
  readonly parts?: (PartsUpload & { readonly partBytes: number }) | undefined
}

/** How many bytes have arrived, from the first on without a gap. */
export async function arrivedBytes(
  mount: Mount,
  key: string,
  upload: AppendedUpload,
  options: CallOptions,
): Promise<number> {
  if (!isObjectMount(mount)) return (await mount.head(key, options))?.sizeBytes ?? 0
  // An empty upload has no parts.
  if (upload.parts === undefined) return 0
  const { partBytes } = upload.parts
  let whole = 0
  for (const { number, sizeBytes } of await mount.listParts(upload.parts, options)) {
    if (number !== whole + 1) break
    if (sizeBytes !== partBytes) {
      const end = whole * partBytes + sizeBytes
      if (end === upload.totalBytes) return end
      break
    }
    whole += 1
  }
  const tail = await mount.head(tailKey(key, whole + 1), options)
  return whole * partBytes + (tail?.sizeBytes ?? 0)
}

/**
 * Takes bytes in from `offset` on, which is what {@link arrivedBytes} says, and gives how many there are then. What came
 * before a body broke off, or before the signal, is kept.
 *
 * @throws {@link MindtraceError} `TOO_LARGE` when more comes than the whole has; what the body and the mount throw.
 */
export async function appendBytes(
  mount: Mount,
  key: string,
  body: ByteStream,
  upload: AppendedUpload & { readonly offset: number },
  options: CallOptions,
): Promise<number> {
  if (isObjectMount(mount)) return await appendParts(mount, key, body, upload, options)
  if (isFileMount(mount)) return await appendToFile(mount, key, body, upload, options)
  throw new MindtraceError('NOT_IMPLEMENTED', `'${mount.location}' takes no uploads`)
}

async function appendToFile(
  mount: FileMount,
  key: string,
  body: ByteStream,
  { offset, totalBytes }: AppendedUpload & { readonly offset: number },
  options: CallOptions,
): Promise<number> {
  const path = await mount.localPath(key, { makeFolder: true })
  if (path === undefined) {
    throw new MindtraceError('NOT_IMPLEMENTED', `'${mount.location}' takes no uploads`)
  }
  const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants
  try {
    const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
    try {
      let end = offset
      for await (const chunk of lentChunksOf(body, options)) {
        checkSize(end + chunk.byteLength, totalBytes)
        for (let at = 0; at < chunk.byteLength; ) {
          at += (await file.write(chunk, at, chunk.byteLength - at, end + at)).bytesWritten
        }
        end += chunk.byteLength
      }
      return end
    } finally {
      // What is said to have arrived has to be there after a power cut.
      await file.datasync()
      await file.close()
    }
  } catch (error) {
    throw localError(error, 'append to', path)
  }
}

async function appendParts(
  mount: ObjectMount,
  key: string,
  body: ByteStream,
  { offset, totalBytes, parts }: AppendedUpload & { readonly offset: number },
  options: CallOptions,
): Promise<number> {
  if (parts === undefined) {
    for await (const chunk of lentChunksOf(body, options)) checkSize(chunk.byteLength, 0)
    await mount.write(key, new Uint8Array(0), options)
    return 0
  }
  const { partBytes } = parts
  const buffer = new Uint8Array(partBytes)
  const first = Math.floor(offset / partBytes) + 1
  let number = first
  let filled = offset % partBytes
  let end = offset
  if (filled > 0) await readTail(mount, tailKey(key, number), buffer.subarray(0, filled), options)
  const writePart = async () => {
    await mount.writePart(parts, number, buffer.subarray(0, filled))
    number += 1
    filled = 0
  }
  let failure: { readonly reason: unknown } | undefined
  try {
    for await (const chunk of lentChunksOf(body, options)) {
      checkSize(end + chunk.byteLength, totalBytes)
      for (let at = 0; at < chunk.byteLength; ) {
        const taken = Math.min(chunk.byteLength - at, partBytes - filled)
        buffer.set(chunk.subarray(at, at + taken), filled)
        at += taken
        filled += taken
        end += taken
        if (filled === partBytes) await writePart()
      }
    }
  } catch (reason) {
    failure = { reason }
  }
  if (end > offset && filled > 0) {
    if (end === totalBytes) await writePart()
    else await mount.write(tailKey(key, number), buffer.subarray(0, filled))
  }
  // One that is left over does no harm: it goes with the upload.
  if (offset % partBytes > 0 && number > first) await mount.delete(tailKey(key, first))
  if (failure !== undefined) throw failure.reason
  return end
}

async function readTail(
  mount: ObjectMount,
  key: string,
  into: Uint8Array,
  options: CallOptions,
): Promise<void> {
  const { body } = await mount.read(key, { ...options, range: { start: 0, end: into.byteLength } })
  let at = 0
  for await (const chunk of lentChunksOf(body, options)) {
    into.set(chunk, at)
    at += chunk.byteLength
  }
  if (at === into.byteLength) return
  throw new MindtraceError('UNAVAILABLE', `'${key}' was replaced while it was read; ask again`)
}

function checkSize(end: number, totalBytes: number): void {
  if (end <= totalBytes) return
  throw new MindtraceError(
    'TOO_LARGE',
    `the upload was to have ${totalBytes} bytes, and more came; send exactly so many`,
    { details: { limit: totalBytes } },
  )
}

function tailKey(key: string, number: number): string {
  return `${key.slice(0, key.lastIndexOf('/'))}/tail-${number}`
}
