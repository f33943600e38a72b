import { MindtraceError } from '@mindtrace/core'
import { textFile } from '../object-document.ts'
import { PythonFloat } from '../python-json.ts'
import type { Codec, DecodeOptions, StoredFiles } from './codec.ts'
import { jsonArtifact, readJson } from './json-file.ts'
import { materializers } from './materializers.ts'
import { noValue } from './stored-files.ts'
import { unreadable } from './unreadable.ts'

/** What the container codec stores: arrays, plain objects and maps with text keys, sets. */
export type Container =
  | readonly unknown[]
  | Readonly<Record<string, unknown>>
  | ReadonlyMap<string, unknown>
  | ReadonlySet<unknown>

/**
 * Python `list` and `tuple` as arrays, `dict` as plain objects, `set` as sets; within them sets and tuples
 * are arrays, because Python keeps them so. Containers that Python could only pickle are not read.
 */
export const containerCodec: Codec<Container, Container> = {
  name: 'list, dict or set',
  materializers: [materializers.container],
  accepts: (value) =>
    Array.isArray(value) || value instanceof Map || value instanceof Set || isPlainObject(value),
  encode: (value) =>
    jsonArtifact(value instanceof Set ? hashable(value) : value, {
      className: `builtins.${pythonType(value)}`,
      materializer: materializers.container,
    }),
  decode: (files, options) => decodeContainer(files, options, false),
}

/**
 * Like {@link containerCodec}, but reads every `dict` as a `Map`: plain objects put keys that look like
 * numbers first, maps keep the order.
 */
export const mapCodec: Codec<Container, Container> = {
  ...containerCodec,
  name: 'list, map or set',
  decode: (files, options) => decodeContainer(files, options, true),
}

/** Stores an array as a Python `tuple`. Has to be asked for. */
export const tupleCodec: Codec<readonly unknown[]> = {
  name: 'tuple',
  materializers: [materializers.container],
  accepts: () => false,
  encode: (value) =>
    jsonArtifact(value, {
      className: 'builtins.tuple',
      materializer: materializers.container,
    }),
  async decode(files, options) {
    const value = await decodeContainer(files, options, false)
    if (Array.isArray(value)) return value
    throw noValue(files.object, 'tuple')
  },
}

async function decodeContainer(
  files: StoredFiles,
  options: DecodeOptions | undefined,
  maps: boolean,
): Promise<Container> {
  if (!files.object.files.includes(textFile)) throw unreadable(files.object)
  const value = await readJson(files, textFile, { ...options, maps })
  const { className } = files.object
  if (Array.isArray(value)) {
    if (className === 'builtins.set') return new Set(value)
    return className === 'builtins.dict' ? zipped(files, value, maps) : value
  }
  if (value instanceof Map || isPlainObject(value)) return value
  throw noValue(files.object, 'list, dict or set')
}

/** Older writers kept a dict as its keys and its values. @see registry.md 12.2 */
function zipped(files: StoredFiles, value: readonly unknown[], maps: boolean): Container {
  const [keys, values] = value
  const isPair = value.length === 2 && Array.isArray(keys) && Array.isArray(values)
  if (!isPair || keys.length !== values.length) throw noValue(files.object, 'dict')
  const entries = keys.map((key, index) => [String(key), values[index]] as const)
  return maps ? new Map(entries) : Object.fromEntries(entries)
}

// Python would have to put a list or dict into a set, which it cannot.
function hashable(values: ReadonlySet<unknown>): ReadonlySet<unknown> {
  for (const value of values) {
    if (typeof value !== 'object' || value === null || value instanceof PythonFloat) continue
    throw new MindtraceError(
      'INVALID_INPUT',
      'a set that holds arrays or objects cannot be read by Python; store an array',
    )
  }
  return values
}

function pythonType(value: Container): 'list' | 'set' | 'dict' {
  if (Array.isArray(value)) return 'list'
  return value instanceof Set ? 'set' : 'dict'
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
