import { MindtraceError } from '@mindtrace/core'
import type { PutOptions, Registry, StoredObject } from '../registry.ts'
import { bytesCodec } from './bytes-codec.ts'
import type { Codec, DecodeOptions, StoredFiles } from './codec.ts'
import { configCodec } from './config-codec.ts'
import { containerCodec } from './container-codec.ts'
import { plainModelCodec } from './model-codec.ts'
import { npyCodec } from './npy-codec.ts'
import { pathCodec } from './path-codec.ts'
import { pngCodec } from './png-codec.ts'
import { scalarCodec } from './scalar-codec.ts'
import { formatObject, openFiles } from './stored-files.ts'
import { unreadable } from './unreadable.ts'

/** The codecs that need no library of their own; the first one that fits is taken. */
export const codecs: readonly Codec[] = [
  bytesCodec,
  scalarCodec,
  containerCodec,
  pathCodec,
  pngCodec,
  npyCodec,
  plainModelCodec,
  configCodec,
] as readonly Codec[]

/** Which codec is to be taken. */
export interface CodecChoice {
  /** Looked at before {@link codecs}. */
  readonly codecs?: readonly Codec<unknown, never>[] | undefined
}

/** Options of {@link save}. */
export interface SaveOptions extends PutOptions, CodecChoice {}

/** Options of {@link load}. */
export interface LoadOptions extends DecodeOptions, CodecChoice {
  /** Default and `latest`: the highest. */
  readonly version?: string | undefined
}

/**
 * Stores a value so that the Python reference loads it as the type that comes closest:
 *
 * | value | Python |
 * | --- | --- |
 * | bytes, stream of bytes | `bytes` |
 * | string, boolean | `str`, `bool` |
 * | whole number, bigint | `int` |
 * | other number, `float(…)` | `float` |
 * | array, plain object or map, set | `list`, `dict`, `set` |
 * | `file:` URL, {@link NamedFile} | `Path` |
 * | {@link PngImage} | `PIL.Image` |
 * | {@link NdArray} | `numpy.ndarray` |
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for values of no kind above, null and undefined among
 * them, and what {@link Registry.put} throws.
 */
export async function save(
  registry: Registry,
  name: string,
  value: unknown,
  options?: SaveOptions,
): Promise<StoredObject>
/** Stores a value with a codec of the caller's choice. */
export async function save<In>(
  registry: Registry,
  name: string,
  value: In,
  options: PutOptions & { readonly codec: Codec<unknown, In> },
): Promise<StoredObject>
export async function save(
  registry: Registry,
  name: string,
  value: unknown,
  options: SaveOptions & { readonly codec?: Codec<unknown, never> | undefined } = {},
): Promise<StoredObject> {
  const { codec = codecOf(value, options), codecs: _, ...rest } = options
  const artifact = await (codec as Codec).encode(value, rest)
  return registry.put(name, artifact, { contentType: codec.contentType, ...rest })
}

/**
 * Loads a value that {@link save} or Python stored. The materializer decides, not the class.
 *
 * @throws {@link MindtraceError} `NOT_FOUND`; `NOT_IMPLEMENTED` for what only Python can read: nothing
 * stored is ever run, and {@link openFiles} reads the files of any object; `CORRUPT`; `TOO_LARGE`.
 */
export async function load(
  registry: Registry,
  name: string,
  options?: LoadOptions,
): Promise<unknown>
/**
 * Loads a value with a codec of the caller's choice.
 *
 * @throws also {@link MindtraceError} `INVALID_INPUT` when that codec does not read such objects.
 */
export async function load<T>(
  registry: Registry,
  name: string,
  options: Omit<LoadOptions, 'codecs'> & { readonly codec: Codec<T, never> },
): Promise<T>
export async function load(
  registry: Registry,
  name: string,
  options: LoadOptions & { readonly codec?: Codec<unknown, never> | undefined } = {},
): Promise<unknown> {
  const { version, codec, codecs: _, ...rest } = options
  const files = await openFiles(registry, name, { version, signal: rest.signal })
  return (codec === undefined ? readerOf(files, options) : checked(codec, files)).decode(
    files,
    rest,
  )
}

function codecOf(value: unknown, { codecs: first = [] }: CodecChoice): Codec<unknown, never> {
  const found = [...first, ...codecs].find((codec) => codec.accepts(value))
  if (found !== undefined) return found
  const what =
    value === null || value === undefined ? String(value) : `a ${Object(value).constructor?.name}`
  const remedy = ArrayBuffer.isView(value)
    ? 'wrap it: new NdArray(data)'
    : 'store a plain object, or name a codec for it'
  throw new MindtraceError('INVALID_INPUT', `${what} cannot be stored; ${remedy}`)
}

function readerOf(files: StoredFiles, { codecs: first = [] }: CodecChoice): Codec<unknown, never> {
  const { object } = files
  const found = [...first, ...codecs].find(
    (codec) => reads(object)(codec) && codec.reads?.(object) !== false,
  )
  if (found === undefined) throw unreadable(object)
  return found
}

function checked<T>(codec: Codec<T, never>, files: StoredFiles): Codec<T, never> {
  const { object } = files
  if (reads(object)(codec)) return codec
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${formatObject(object)}' is a ${object.className}, stored by ${object.materializer}; the codec '${codec.name}' does not read it`,
    { details: { name: object.name, class: object.className, materializer: object.materializer } },
  )
}

function reads(object: StoredObject): (codec: Codec<unknown, never>) => boolean {
  return ({ materializers }) => materializers.includes(object.materializer)
}
