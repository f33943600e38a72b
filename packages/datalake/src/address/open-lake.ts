import { mkdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type CallOptions,
  type Clock,
  errorMessage,
  type Logger,
  MindtraceError,
  systemErrorCode,
  type Tracer,
} from '@mindtrace/core'
import { type Database, tracedDatabase } from '@mindtrace/database'
import {
  type Mount,
  type MountOpener,
  type MountTraffic,
  observedMount,
  openMount,
  type PayloadCache,
  type Registry,
  Store,
} from '@mindtrace/registry'
import { type LocalLake, openLocalLake } from '../lake.ts'
import type { LakeSettings } from '../lake-parts.ts'
import { cacheOf, type LakeCacheOptions } from './cache-options.ts'
import { type LakeConfig, parseLakeConfig } from './lake-config.ts'
import { rememberedMounts } from './remembered-mounts.ts'

/** What `openLake` takes besides the address. */
export interface OpenLakeOptions extends CallOptions {
  /** Over what the address says: see {@link LakeConfig}. Relative paths are of the current folder. */
  readonly database?: string | undefined
  readonly mounts?: Readonly<Record<string, string>> | undefined
  readonly defaultMount?: string | undefined
  /**
   * Whether a folder that holds no lake becomes one. Default true; false refuses with `NOT_FOUND`, so a
   * mistyped path of a reader does not leave an empty lake behind.
   */
  readonly create?: boolean | undefined
  readonly settings?: Partial<LakeSettings> | undefined
  readonly clock?: Clock | undefined
  readonly log?: Logger | undefined
  /**
   * Where payloads of object stores are kept on this machine, and how much; false keeps none. A mount is left
   * out by `?use_cache=false` in its address.
   */
  readonly cache?: LakeCacheOptions | undefined
  /** Gets a span for each call of the database and of the mounts. */
  readonly tracer?: Tracer | undefined
}

/** New mounts of a lake keep versions and let them be replaced, as the reference's services do. */
const mountDefaults = { versionObjects: true, mutable: true } as const

/**
 * Opens a lake in this process.
 *
 * `./lake` (a folder, made when missing) is an embedded lake: the records in `lake.db`, the payloads in the
 * local mount `main` under it. Nothing in it is absolute, so the folder can be moved. Folders that it uses in
 * place (see `mountFolder`) are further mounts, remembered in `mounts/`. `./lake.json` is a
 * file as {@link LakeConfig} describes. A remote lake (`http:`) is opened with `connectLake` of
 * `@mindtrace/client`.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for an address or scheme that is none, `NOT_FOUND` with
 * `create: false`, `READ_ONLY`, `UNAVAILABLE` or `CORRUPT` when the folder or file can't be used.
 */
export async function openLake(address: string, options: OpenLakeOptions = {}): Promise<LocalLake> {
  const { config, base } = await configOf(address, options)
  const opened = await openDatabase(config.database, base, options)
  const { tracer } = options
  const database =
    tracer === undefined ? opened : tracedDatabase(opened, tracer, systemOf(config.database))
  const traffic = new Map<string, MountTraffic>()
  try {
    const cache = cacheOf(config.cache, options.cache, { base, log: options.log })
    const store = await openStore(config, base, { tracer, traffic, cache })
    return await openLocalLake(
      {
        database,
        store,
        traffic,
        settings: {
          databaseName: config.name ?? databaseName(config.database),
          ...(config.slow_operations === undefined
            ? {}
            : { slowOperations: config.slow_operations }),
          ...options.settings,
        },
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.log === undefined ? {} : { log: options.log }),
      },
      { signal: options.signal },
    )
  } catch (error) {
    await database.close()
    throw error
  }
}

/** What an address of a lake and the options over it come to, and the folder that relative paths are of. */
export async function configOf(
  address: string,
  options: OpenLakeOptions,
): Promise<{ readonly config: LakeConfig; readonly base: string }> {
  if (/^https?:/i.test(address)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${address.replace(/\/\/[^@/]*@/, '//')}' is a remote lake: open it with connectLake`,
    )
  }
  const path = resolve(address)
  const fromFile = extname(path) === '.json'
  const base = fromFile ? dirname(path) : path
  const config = fromFile ? await readConfig(path) : await embedded(path, options)
  const here = process.cwd()
  const given = options.mounts === undefined ? config.mounts : absoluteMounts(options.mounts, here)
  // The first of all is the default mount, so those remembered come last.
  const remembered = fromFile ? {} : await rememberedMounts(path)
  const mounts = { ...given, ...remembered, ...given }
  return {
    base,
    config: {
      ...config,
      mounts,
      ...(options.database === undefined
        ? {}
        : { database: absoluteDatabase(options.database, here) }),
      ...(options.defaultMount === undefined ? {} : { default_mount: options.defaultMount }),
    },
  }
}

/** Reads a `lake.json`. */
export async function readConfig(path: string): Promise<LakeConfig> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') {
      throw new MindtraceError('NOT_FOUND', `there is no file '${path}'`, { cause })
    }
    throw new MindtraceError('UNAVAILABLE', `'${path}' can't be read: ${errorMessage(cause)}`, {
      cause,
    })
  }
  try {
    return parseLakeConfig(JSON.parse(text), path)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new MindtraceError('INVALID_INPUT', `'${path}' is no JSON: ${cause.message}`, { cause })
  }
}

async function embedded(path: string, options: OpenLakeOptions): Promise<LakeConfig> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${path}' is a file, not a lake's folder; a configuration file ends in .json`,
    )
  }
  const isLake = (await stat(resolve(path, 'lake.db')).catch(() => undefined))?.isFile() === true
  if (!isLake && options.create === false && options.database === undefined) {
    throw new MindtraceError(
      'NOT_FOUND',
      `there is no lake in '${path}': make one with mindtrace import or mindtrace serve, or name another with --lake`,
    )
  }
  if (!isLake) await makeFolder(path)
  const lake = { database: 'sqlite:lake.db', mounts: { main: 'file:main' } }
  return options.database === undefined ? { ...lake, name: basename(path) } : lake
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    const code = systemErrorCode(cause)
    throw new MindtraceError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'STORAGE_FULL' : 'READ_ONLY',
      `the lake's folder '${path}' can't be made: ${errorMessage(cause)}; choose one that you may write with --lake`,
      { cause, details: { path } },
    )
  }
}

/** Opens a database by its address; a relative path is of the folder `base`. */
export async function openDatabase(
  address: string,
  base: string,
  options: OpenLakeOptions,
): Promise<Database> {
  const { scheme, rest } = schemeOf(address, 'database')
  // Loaded here so that a program with another database never loads this driver.
  switch (scheme) {
    case 'sqlite': {
      const { openSqliteDatabase } = await import('@mindtrace/database/sqlite')
      const path = rest === ':memory:' ? rest : resolve(base, rest)
      return await openSqliteDatabase({ path, signal: options.signal })
    }
    case 'mongodb':
    case 'mongodb+srv': {
      const { openMongoDatabase } = await peer(
        import('@mindtrace/database/mongo'),
        'MongoDB databases',
        'mongoose@9',
      )
      return await openMongoDatabase({ url: address, signal: options.signal, log: options.log })
    }
    default:
      throw new MindtraceError(
        'INVALID_INPUT',
        `there is no database driver for '${scheme}:'; use sqlite:PATH or mongodb://HOST/NAME`,
      )
  }
}

/** A driver whose package is a peer that not everybody installs. */
async function peer<T>(driver: Promise<T>, what: string, packages: string): Promise<T> {
  try {
    return await driver
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new MindtraceError(
      'INVALID_INPUT',
      `${what} need a package that is not installed: npm i ${packages}`,
      { cause },
    )
  }
}

async function openStore(
  config: LakeConfig,
  base: string,
  {
    cache,
    ...watch
  }: {
    readonly tracer: Tracer | undefined
    readonly traffic: Map<string, MountTraffic>
    readonly cache: PayloadCache | undefined
  },
): Promise<Store> {
  const opened: Record<string, Registry> = {}
  try {
    for (const [name, address] of Object.entries(absoluteMounts(config.mounts, base))) {
      const traffic = { readBytes: 0, writtenBytes: 0 }
      watch.traffic.set(name, traffic)
      const around = (mount: Mount) => observedMount(mount, { ...watch, name, traffic })
      opened[name] = await openMount(address, { openers, defaults: mountDefaults, around, cache })
    }
    return new Store(opened, { defaultMount: config.default_mount })
  } catch (error) {
    for (const registry of Object.values(opened)) await registry[Symbol.asyncDispose]()
    throw error
  }
}

// Each is loaded when an address asks for it, so a program with other mounts never loads its vendor's code.
const openers: Readonly<Record<string, MountOpener>> = {
  file: async (url) => (await import('@mindtrace/registry/local')).openLocalMount(url),
  memory: async (url) => (await import('@mindtrace/registry/memory')).openMemoryMount(url),
  s3: async (url) => {
    const packages = '@aws-sdk/client-s3 @aws-sdk/s3-request-presigner'
    const { openS3Mount } = await peer(import('@mindtrace/registry/s3'), 'S3 mounts', packages)
    return openS3Mount(url)
  },
  gs: async (url) => {
    const packages = '@google-cloud/storage'
    const { openGcsMount } = await peer(import('@mindtrace/registry/gcs'), 'GCS mounts', packages)
    return openGcsMount(url)
  },
}

/** `file:main` becomes the address of the folder `main` in `base`; absolute addresses stay. */
export function absoluteMounts(
  mounts: Readonly<Record<string, string>>,
  base: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(mounts).map(([name, address]) => {
      const { scheme, rest } = schemeOf(address, `mount '${name}'`)
      if (scheme !== 'file' || rest.startsWith('//')) return [name, address]
      const [path = '', query] = rest.split(/\?(.*)/s)
      const url = pathToFileURL(resolve(base, decodeURIComponent(path)))
      return [name, query === undefined ? url.href : `${url.href}?${query}`]
    }),
  )
}

function absoluteDatabase(address: string, base: string): string {
  const { scheme, rest } = schemeOf(address, 'database')
  if (scheme !== 'sqlite' || rest === ':memory:' || isAbsolute(rest)) return address
  return `sqlite:${resolve(base, rest)}`
}

/** An address in two. @throws `INVALID_INPUT` for one that has no scheme. */
export function schemeOf(
  address: string,
  what: string,
): { readonly scheme: string; readonly rest: string } {
  const match = /^([a-z][a-z0-9+]*):(.*)$/is.exec(address)
  if (match !== null)
    return { scheme: (match[1] as string).toLowerCase(), rest: match[2] as string }
  throw new MindtraceError(
    'INVALID_INPUT',
    `${what} is '${address}', which has no scheme: use sqlite:PATH or mongodb://HOST/NAME for a database, file:PATH for a mount`,
  )
}

/** The name of a database's kind in traces. */
function systemOf(address: string): string {
  return schemeOf(address, 'database').scheme.startsWith('mongodb') ? 'mongodb' : 'sqlite'
}

function databaseName(address: string): string {
  const { scheme, rest } = schemeOf(address, 'database')
  if (scheme.startsWith('mongodb')) return basename(rest.replace(/\?.*$/s, ''))
  return rest === ':memory:' ? 'memory' : basename(rest, extname(rest))
}
