import {
  type DecodedPayload,
  type ParsedInput,
  qualifiedKey,
  type StorageRef,
  type TaskCallOptions,
  type WrittenObject,
} from '@mindtrace/contract'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  isMindtraceError,
  MindtraceError,
} from '@mindtrace/core'
import { base64Bytes, fromBase64 } from '@mindtrace/core/base64'
import type { OnConflict, StoredObject } from '@mindtrace/registry'
import type { Handlers, LakeParts } from './lake-parts.ts'

/** Objects: named, versioned payloads in mounts. */
export function objectHandlers(parts: LakeParts) {
  const { store } = parts
  return {
    'objects.put': async (input, options) => {
      const { storage_ref } = await putWhole(parts, input, options)
      return { storage_ref }
    },
    'objects.get': async ({ storage_ref }, options) => {
      const registry = store.registry(storage_ref.mount)
      try {
        const { body, sizeBytes } = await registry.open(storage_ref.name, {
          ...options,
          ...versionOf(storage_ref.version),
        })
        const limit = parts.settings.maxWholePayloadBytes
        if (options.takePayload !== undefined && sizeBytes <= limit) {
          options.takePayload({ body: orNotReadable(body, storage_ref), sizeBytes })
          return { storage_ref, data_base64: '' }
        }
        const bytes = await bytesOf(body, limit, options)
        return { storage_ref, data_base64: Buffer.from(bytes.buffer).toString('base64') }
      } catch (error) {
        if (isMindtraceError(error, 'TOO_LARGE')) throw error
        throw notReadable(error, storage_ref)
      }
    },
    'objects.head': async ({ storage_ref }, options) => {
      const registry = store.registry(storage_ref.mount)
      const { name, version } = storage_ref
      if (version !== null) {
        const document = await registry.document(name, { ...options, ...versionOf(version) })
        return { storage_ref, metadata: document ?? {} }
      }
      const metadata: Record<string, unknown> = {}
      for (const one of await registry.versions(name, options)) {
        metadata[one] = (await registry.document(name, { ...options, version: one })) ?? {}
      }
      return { storage_ref, metadata }
    },
    'objects.copy': async ({ source, target_mount, target_name, target_version }, options) => {
      const target = { mount: target_mount, name: target_name, version: target_version }
      const stored = await store.copy(source, target, { signal: options.signal })
      return { storage_ref: refOf(target_mount, stored) }
    },
  } satisfies Handlers
}

/** The reference's answer for an object that can't be read, whatever the reason: 409. */
function notReadable(error: unknown, storage_ref: StorageRef): unknown {
  if (!isMindtraceError(error)) return error
  const message = error.message
  return new MindtraceError('PAYLOAD_UNAVAILABLE', message, {
    cause: error,
    details: { detail: { code: 'OBJECT_NOT_READABLE', message, storage_ref } },
  })
}

/** A body whose failure is the task's. */
function orNotReadable(body: ByteStream, storage_ref: StorageRef): ByteStream {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          controller.error(notReadable(error, storage_ref))
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/**
 * Stores base64 text under a name.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for text that is no base64, and what `Registry.put` throws.
 */
export function putWhole(
  parts: LakeParts,
  input: ParsedInput<'objects.put'>,
  { payload, ...options }: TaskCallOptions,
): Promise<WrittenObject> {
  const limit = parts.settings.maxWholePayloadBytes
  return putObject(
    parts,
    {
      mount: input.mount,
      name: input.name,
      version: input.version,
      metadata: input.metadata ?? {},
      onConflict: parseOnConflict(input.on_conflict),
    },
    payload === undefined ? decodeBase64(input.data_base64, limit) : decoded(payload, limit),
    options,
  )
}

/** Where and how to store an object. */
export interface ObjectPlace {
  readonly mount: string | null
  readonly name: string
  readonly version?: string | null | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly mediaType?: string | undefined
  readonly onConflict?: OnConflict | null | undefined
}

/** Stores bytes in the mount, hashed on the way. @throws what `Registry.put` throws. */
export async function putObject(
  { store }: LakeParts,
  place: ObjectPlace,
  body: Uint8Array | ByteStream,
  options: CallOptions,
): Promise<WrittenObject> {
  const mount = place.mount ?? store.defaultMount
  const registry = store.writable(mount)
  const stored = await registry.put(place.name, body, {
    ...options,
    ...versionOf(place.version ?? null),
    ...(place.metadata === undefined ? {} : { metadata: place.metadata }),
    ...(place.mediaType === undefined ? {} : { contentType: place.mediaType }),
    ...(place.onConflict == null ? {} : { onConflict: place.onConflict }),
  })
  return {
    storage_ref: refOf(mount, stored),
    size_bytes: stored.sizeBytes ?? 0,
    checksum: `sha256:${stored.sha256}`,
  }
}

/** The reference to a stored object, with its concrete version. */
export function refOf(
  mount: string,
  { name, version }: Pick<StoredObject, 'name' | 'version'>,
): StorageRef {
  return { mount, name, version, qualified_key: qualifiedKey({ mount, name, version }) }
}

/** A null version means the latest to read, the next to write: the registry wants it left out. */
export function versionOf(version: string | null | undefined): { readonly version?: string } {
  return version == null ? {} : { version }
}

function parseOnConflict(text: string | null): OnConflict | null {
  if (text === null || text === 'skip' || text === 'overwrite') return text
  throw new MindtraceError(
    'INVALID_INPUT',
    `on_conflict is '${text.slice(0, 64)}': use skip or overwrite, or leave it out`,
    { details: { on_conflict: text.slice(0, 64) } },
  )
}

function decodeBase64(text: string, limitBytes: number): Uint8Array {
  if (base64Bytes(text) > limitBytes) throw tooLarge(limitBytes)
  const bytes = fromBase64(text)
  if (bytes === undefined) throw noBase64()
  return bytes
}

/** What was decoded on its way here, as a stream that lets go of what was read. */
function decoded({ chunks, sizeBytes, isBase64 }: DecodedPayload, limitBytes: number): ByteStream {
  if (sizeBytes > limitBytes) throw tooLarge(limitBytes)
  if (!isBase64) throw noBase64()
  const left = chunks.toReversed()
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = left.pop()
        if (next === undefined) controller.close()
        else controller.enqueue(next)
      },
    },
    { highWaterMark: 0 },
  )
}

function tooLarge(limit: number): MindtraceError {
  return new MindtraceError(
    'TOO_LARGE',
    `data_base64 holds more than ${limit} bytes; stream it to /v1/objects instead`,
    { details: { limit } },
  )
}

function noBase64(): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    'data_base64 is no base64: use the standard alphabet with padding and no line breaks',
  )
}
