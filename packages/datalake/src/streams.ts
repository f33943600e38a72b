import {
  type Asset,
  type ByteRange,
  type LakeStreams,
  type ObjectLocation,
  type PayloadRead,
  parse,
  type ReadOptions,
  UploadTicket,
  type WriteObject,
} from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError, streamOf } from '@mindtrace/core'
import { lakeArchives } from './archives/lake-archives.ts'
import { payloadRef } from './assets.ts'
import { checkedBody, sha256Of } from './checked-body.ts'
import type { Manifests } from './datasets/manifests.ts'
import { inPlaceNoteOf } from './ingest/in-place.ts'
import { ingestGroup } from './ingest/ingest-group.ts'
import type { LakeParts } from './lake-parts.ts'
import { putObject, refOf, versionOf } from './objects.ts'
import { lakeRows } from './rows.ts'
import type { UploadSessions } from './uploads/upload-sessions.ts'

/** The streamed half of the in-process lake. */
export function lakeStreams(
  parts: LakeParts,
  manifests: Manifests,
  uploads: UploadSessions,
): LakeStreams {
  const read = {
    readAsset: (assetId, options = {}) => readAsset(parts, assetId, options),
    readObject: (ref, options = {}) => readObject(parts, ref, options),
    rows: lakeRows(parts, manifests),
  } satisfies Partial<LakeStreams>
  return {
    ...read,
    ...lakeArchives(parts, manifests, read),
    writeObject: (request, body, options = {}) => putObject(parts, placeOf(request), body, options),
    appendUpload: (ticket, offset, body, options = {}) => {
      const bytes = body instanceof Uint8Array ? streamOf(body) : body
      return uploads.append(parse(UploadTicket, ticket, 'the upload'), offset, bytes, options)
    },
    ingestGroup: (sessionId, items, options = {}) => ingestGroup(parts, sessionId, items, options),
  }
}

function placeOf({ onConflict, ...request }: WriteObject) {
  return { ...request, onConflict: onConflict ?? null }
}

async function readObject(
  { store }: LakeParts,
  location: ObjectLocation,
  options: ReadOptions,
  mediaType?: string,
): Promise<PayloadRead> {
  const { mount, name } = location
  const { range, signal } = options
  const registry = store.registry(mount)
  const { object, body, sizeBytes, etag } = await registry.open(name, {
    ...versionOf(location.version),
    signal,
    range: range === undefined ? undefined : halfOpen(range),
  })
  if (range !== undefined && range.start >= sizeBytes) {
    await body.cancel()
    throw new MindtraceError(
      'RANGE_NOT_SATISFIABLE',
      `the range starts at byte ${range.start}, but '${name}' has ${sizeBytes} bytes`,
      { details: { sizeBytes } },
    )
  }
  const last = sizeBytes - 1
  return {
    body,
    sizeBytes,
    range:
      range === undefined ? null : { start: range.start, end: Math.min(range.end ?? last, last) },
    mediaType: mediaType ?? object.contentType ?? 'application/octet-stream',
    etag: object.sha256 ?? etag,
    storageRef: refOf(mount, object),
  }
}

/** Ranges of a lake include their end, as in HTTP; those of mounts do not. */
function halfOpen({ start, end }: ByteRange): ByteRange {
  if (end === undefined) return { start }
  if (end >= start) return { start, end: end + 1 }
  throw new MindtraceError(
    'INVALID_INPUT',
    `the range ${start} to ${end} is none: its end includes the last byte and is not before its start`,
  )
}

async function readAsset(
  parts: LakeParts,
  assetId: string,
  options: ReadOptions,
): Promise<PayloadRead> {
  const call: CallOptions = { signal: options.signal }
  const asset = await parts.records.assets.get(assetId, call)
  if (asset.payload_status !== 'present') {
    throw unavailable(asset, `its payload is '${asset.payload_status}'`)
  }
  try {
    const read = await readObject(parts, payloadRef(asset), options, asset.media_type)
    return inPlaceNoteOf(asset) === undefined ? read : await asRecorded(asset, read)
  } catch (error) {
    // Nothing is written to the asset here: a fault of the moment must not mark a good payload corrupt.
    if (isMindtraceError(error, 'NOT_FOUND')) throw unavailable(asset, error.message, error)
    throw error
  }
}

/**
 * A payload in place, which the mount knows no hash of: whole, it is compared with the asset's. Of a range
 * only the size of the whole tells that the file is another one.
 */
async function asRecorded(asset: Asset, read: PayloadRead): Promise<PayloadRead> {
  const expected = asset.payload_size_bytes ?? asset.size_bytes
  if (expected !== null && read.sizeBytes !== expected) {
    await read.body.cancel()
    throw unavailable(asset, `it has ${read.sizeBytes} bytes now, recorded are ${expected}`)
  }
  const sha256 = sha256Of(asset.payload_checksum ?? asset.checksum)
  if (read.range !== null || sha256 === undefined) return read
  return {
    ...read,
    body: checkedBody(read.body, sha256, `the payload of asset '${asset.asset_id}'`),
  }
}

function unavailable(asset: Asset, reason: string, cause?: unknown): MindtraceError {
  const message = `the payload of asset '${asset.asset_id}' can't be read: ${reason}`
  return new MindtraceError('PAYLOAD_UNAVAILABLE', message, {
    cause,
    details: {
      asset_id: asset.asset_id,
      detail: { code: 'ASSET_PAYLOAD_NOT_READABLE', message, asset_id: asset.asset_id },
    },
  })
}
