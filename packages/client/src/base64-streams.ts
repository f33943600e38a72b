import {
  cursorAfter,
  type LakeStreams,
  type PageInfo,
  type PayloadRead,
  type PlacedRow,
  placedRows,
  qualifiedKey,
  type ReadOptions,
  type RowOf,
  type RowsInput,
  type RowTask,
  type StorageRef,
  type TaskCall,
  type TaskInput,
} from '@mindtrace/contract'
import { type Bytes, bytesOf, type CallOptions, MindtraceError, streamOf } from '@mindtrace/core'

/** What base64 in JSON may carry: it is held in memory several times, on either side. */
const maxObjectBytes = 256 * 1024 * 1024
/** The most rows of a page, by default. */
const pageLimit = 500

/**
 * The streams of a service that has none, as the Python one: whole objects as base64 in JSON. Ranges
 * are cut out here; a group of samples can't be ingested.
 */
export function createBase64Streams(call: TaskCall): LakeStreams {
  return {
    async readAsset(assetId, options = {}) {
      const { asset } = await call('assets.get', { id: assetId }, options)
      if (asset.payload_status !== 'present') {
        throw new MindtraceError(
          'PAYLOAD_UNAVAILABLE',
          `the payload of asset ${assetId} is ${asset.payload_status}`,
          { details: { asset_id: assetId } },
        )
      }
      const ref = asset.payload_storage_ref ?? asset.storage_ref
      return readWhole(call, ref, asset.media_type, options)
    },

    readObject({ mount, name, version = null }, options = {}) {
      const location = { mount, name, version: version ?? 'latest' }
      const ref = { ...location, qualified_key: qualifiedKey(location) }
      return readWhole(call, ref, 'application/octet-stream', options)
    },

    async writeObject(request, body, options = {}) {
      const bytes = body instanceof Uint8Array ? body : await bytesOf(body, maxObjectBytes, options)
      const { storage_ref } = await call(
        'objects.put',
        {
          name: request.name,
          mount: request.mount,
          data_base64: toBase64(bytes),
          version: request.version ?? null,
          on_conflict: request.onConflict ?? null,
          metadata: request.metadata === undefined ? null : { ...request.metadata },
        },
        options,
      )
      const checksum = `sha256:${await sha256Hex(bytes)}`
      return { storage_ref, size_bytes: bytes.byteLength, checksum }
    },

    async ingestGroup() {
      throw new MindtraceError('NOT_IMPLEMENTED', 'the service does not know how to ingest samples')
    },

    async appendUpload() {
      throw new MindtraceError('NOT_IMPLEMENTED', 'the service takes no bytes in parts')
    },

    archiveDataset: noArchives,
    archiveAssets: noArchives,
    archiveObjects: noArchives,

    rows: (name, input, options = {}) => placedRows(pagedRows(call, name, input, options)),
  }
}

async function noArchives(): Promise<never> {
  throw new MindtraceError('NOT_IMPLEMENTED', 'the service does not know how to make archives')
}

/** Rows by pages. A cursor within the first page is not to be had when there is no second. */
async function* pagedRows<Name extends RowTask>(
  call: TaskCall,
  name: Name,
  input: RowsInput<Name>,
  options: CallOptions,
): AsyncGenerator<PlacedRow<RowOf<Name>>> {
  let cursor = input.cursor ?? null
  for (let left = input.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
    const { items, page } = (await call(
      name,
      { ...input, cursor, limit: Math.min(left, pageLimit) } as unknown as TaskInput<Name>,
      options,
    )) as unknown as { readonly items: readonly RowOf<Name>[]; readonly page: PageInfo }
    const { next_cursor } = page
    const [begin, like] = [cursor, next_cursor ?? cursor]
    for (const row of items) {
      yield { row, cursor: () => (like === null ? null : (cursorAfter(like, row) ?? begin)) }
    }
    if (next_cursor === null) return
    cursor = next_cursor
    left -= items.length
  }
}

async function readWhole(
  call: TaskCall,
  ref: StorageRef,
  mediaType: string,
  options: ReadOptions,
): Promise<PayloadRead> {
  const { data_base64 } = await call(
    'objects.get',
    { storage_ref: ref },
    { signal: options.signal },
  )
  const bytes = fromBase64(data_base64)
  const sizeBytes = bytes.byteLength
  const common = { sizeBytes, mediaType, etag: await sha256Hex(bytes), storageRef: ref }
  if (options.range === undefined) return { ...common, body: streamOf(bytes), range: null }
  const { start } = options.range
  const end = Math.min(options.range.end ?? sizeBytes - 1, sizeBytes - 1)
  if (start >= sizeBytes) {
    throw new MindtraceError(
      'RANGE_NOT_SATISFIABLE',
      `${ref.qualified_key} has ${sizeBytes} bytes, none from ${start} on`,
    )
  }
  return { ...common, body: streamOf(bytes.subarray(start, end + 1)), range: { start, end } }
}

/** How many bytes become text at once: more would be too many arguments of one call. */
const textChunkBytes = 0x8000

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let offset = 0; offset < bytes.byteLength; offset += textChunkBytes) {
    parts.push(String.fromCharCode(...bytes.subarray(offset, offset + textChunkBytes)))
  }
  return btoa(parts.join(''))
}

function fromBase64(text: string): Bytes {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

async function sha256Hex(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
