import type { Asset, InPlacePayload } from '@mindtrace/contract'
import { type CallOptions, chunksOf, MindtraceError } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import type { Registry, Store } from '@mindtrace/registry'
import type { StoredPayload } from './sample-documents.ts'

/**
 * What an asset keeps of a payload that the lake did not store but refers to: `metadata.mindtrace.in_place`.
 * Size and hash stand where every asset has them.
 */
export interface InPlaceNote {
  /** What the mount said of the bytes when they were read and hashed: equal text means equal bytes. */
  readonly etag: string
}

/** The metadata of an asset in place: its own, and the note. */
export function withInPlaceNote(
  metadata: Readonly<Record<string, unknown>>,
  note: InPlaceNote,
): Record<string, unknown> {
  return { ...metadata, mindtrace: { ...objectOf(metadata.mindtrace), in_place: note } }
}

/** The note of an asset in place, undefined for every other. */
export function inPlaceNoteOf({ metadata }: Pick<Asset, 'metadata'>): InPlaceNote | undefined {
  const { etag } = objectOf(objectOf(metadata.mindtrace).in_place)
  return typeof etag === 'string' ? { etag } : undefined
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/**
 * Reads a payload where it lies, once, to know its size and its hash.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` for the mount or the object, `INVALID_INPUT` for a mount that
 * can be written, `CORRUPT` when the bytes change under the reading, and what the mount throws.
 */
export async function readInPlace(
  store: Store,
  { mount, name }: InPlacePayload,
  options: CallOptions,
): Promise<StoredPayload & InPlaceNote> {
  const registry = store.registry(mount)
  refuseWritable(registry, mount)
  const { object, body, sizeBytes, etag } = await registry.open(name, {
    ...options,
    cache: false,
  })
  const hash = new RunningHash()
  for await (const chunk of chunksOf(body, options)) hash.update(chunk)
  if (hash.sizeBytes !== sizeBytes) {
    throw new MindtraceError(
      'CORRUPT',
      `'${name}' in mount '${mount}' changed from ${sizeBytes} to ${hash.sizeBytes} bytes while it was read`,
      { details: { mount, name } },
    )
  }
  return { mount, name, version: object.version, sizeBytes, sha256: hash.digestHex(), etag }
}

/** Bytes that the lake itself could overwrite or delete are no ground to stand on. */
function refuseWritable(registry: Registry, mount: string): void {
  if (registry.isPlain || registry.readOnly) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `mount '${mount}' can be written, so payloads can't be used in place there: open it with ?layout=plain (its files as they are) or ?read_only=true`,
    { details: { mount } },
  )
}
