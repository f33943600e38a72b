import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  MindtraceError,
  streamOf,
} from '@mindtrace/core'
import { ContentHash, inHashOrder } from '../content-hash.ts'
import type { Artifact } from '../encoding.ts'
import type { Registry, StoredObject } from '../registry.ts'
import { hashMismatch } from '../verified-body.ts'
import type { DecodeOptions, OpenedFile, OpenFileOptions, StoredFiles } from './codec.ts'

/** What codecs may hold in memory unless told otherwise. */
export const defaultLimitBytes = 1024 ** 3

/**
 * The files of an object version (default: the highest), whatever it holds and whoever wrote it.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` when there is no such version.
 */
export async function openFiles(
  registry: Registry,
  name: string,
  options: CallOptions & { readonly version?: string | undefined } = {},
): Promise<StoredFiles> {
  return new RegistryFiles(registry, await registry.info(name, options))
}

class RegistryFiles implements StoredFiles {
  readonly object: StoredObject
  readonly #registry: Registry

  constructor(registry: Registry, object: StoredObject) {
    this.#registry = registry
    this.object = object
  }

  async open(path: string, options: OpenFileOptions = {}): Promise<OpenedFile> {
    const { name, version } = this.object
    const { beside, ...rest } = options
    const { body, sizeBytes } = await this.#registry.openFile(name, path, { ...rest, version })
    const isWhole = options.range === undefined && beside !== undefined
    return { body: isWhole ? verifiedBeside(body, path, this.object, beside) : body, sizeBytes }
  }

  async bytes(path: string, options: DecodeOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return readWhole(await this.open(path, options), path, this.object, options)
  }
}

/** The files of an artifact in memory, as a codec reads them: without a registry. For bodies that are bytes. */
export function filesOf(artifact: Artifact, name = 'value'): StoredFiles {
  const bodies = new Map(artifact.files.map(({ path, body }) => [path, body]))
  const object: StoredObject = {
    name,
    version: '1.0.0',
    sizeBytes: undefined,
    sha256: undefined,
    contentType: undefined,
    metadata: {},
    className: artifact.className,
    materializer: artifact.materializer,
    contentHash: undefined,
    files: [...bodies.keys()],
  }
  const open = async (path: string, options: OpenFileOptions = {}): Promise<OpenedFile> => {
    const body = bodies.get(path)
    if (!(body instanceof Uint8Array)) {
      throw new MindtraceError('NOT_FOUND', `'${name}' has no file '${path}' in memory`)
    }
    const { start = 0, end } = options.range ?? {}
    return { body: streamOf(body.slice(start, end)), sizeBytes: body.byteLength }
  }
  const bytes = async (path: string, options: DecodeOptions = {}) =>
    readWhole(await open(path, options), path, object, options)
  return { object, open, bytes }
}

async function readWhole(
  opened: OpenedFile,
  path: string,
  object: StoredObject,
  options: DecodeOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  await refuseLarge(opened, `'${path}' of '${formatObject(object)}'`, options)
  return bytesOf(opened.body, opened.sizeBytes, options)
}

/** @throws {@link MindtraceError} `TOO_LARGE` when the file does not fit the limit; its body is cancelled. */
export async function refuseLarge(
  { body, sizeBytes }: OpenedFile,
  what: string,
  options: DecodeOptions,
): Promise<void> {
  const { limitBytes = defaultLimitBytes } = options
  if (sizeBytes <= limitBytes) return
  await body.cancel()
  throw new MindtraceError(
    'TOO_LARGE',
    `${what} has ${sizeBytes} bytes, more than the ${limitBytes} that may be held in memory; open it as a stream, or raise limitBytes`,
    { details: { sizeBytes, limitBytes } },
  )
}

/** Name and version, for messages. */
export function formatObject({ name, version }: StoredObject): string {
  return `${name}@${version}`
}

/** The error for an object whose files do not hold what its document says. */
export function noValue(object: StoredObject, what: string, cause?: unknown): MindtraceError {
  return new MindtraceError('CORRUPT', `'${formatObject(object)}' holds no ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { name: object.name, version: object.version, files: object.files },
  })
}

/** The stream, ending in `CORRUPT` when it and the files beside it do not have the object's hash. */
function verifiedBeside(
  body: ByteStream,
  path: string,
  object: StoredObject,
  beside: ReadonlyMap<string, Uint8Array>,
): ByteStream {
  const isComplete = object.files.every((file) => file === path || beside.has(file))
  if (object.contentHash === undefined || !isComplete || object.files.length < 2) return body
  const hashes = (['v2', 'v1'] as const).map((form) => {
    const order = inHashOrder(form, object.files)
    const hash = new ContentHash(form)
    const at = order.indexOf(path)
    for (const file of order.slice(0, at)) addFile(hash, file, beside)
    hash.beginFile(path)
    return { hash, after: order.slice(at + 1) }
  })
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (const { hash } of hashes) hash.update(chunk)
        controller.enqueue(chunk)
      },
      flush(controller) {
        const digests = hashes.map(({ hash, after }) => {
          hash.endFile()
          for (const file of after) addFile(hash, file, beside)
          return hash.digestHex()
        })
        if (!digests.includes(object.contentHash ?? '')) controller.error(hashMismatch(object))
      },
    }),
  )
}

function addFile(hash: ContentHash, path: string, files: ReadonlyMap<string, Uint8Array>): void {
  hash.beginFile(path)
  hash.update(files.get(path) ?? new Uint8Array())
  hash.endFile()
}
