import type { Lake } from '@mindtrace/contract'
import { type Logger, MindtraceError, type Tracer } from '@mindtrace/core'
import type { LakeCacheOptions, SlowOperations } from '@mindtrace/datalake'
import { type Command, Option } from 'commander'
import { parseByteSize } from './byte-size.ts'
import type { Io } from './io.ts'

/** Which lake a command works on. */
export interface LakeOptions {
  readonly lake: string
  readonly database?: string | undefined
  readonly mount?: Readonly<Record<string, string>> | undefined
  readonly defaultMount?: string | undefined
  readonly cache?: string | undefined
  readonly cacheSize?: number | undefined
}

/**
 * Adds `--lake` and what can be said singly; each flag has its variable. With `mountNames` a `--mount` may be a
 * name alone, see {@link mountNames}.
 */
export function addLakeOptions(
  command: Command,
  allowed: { readonly mountNames: boolean } = { mountNames: false },
): Command {
  return command
    .addOption(
      new Option(
        '--lake <address>',
        'a folder (embedded lake), an http(s):// address, or a lake.json',
      )
        .env('MINDTRACE_LAKE')
        .default('./lake'),
    )
    .addOption(
      new Option(
        '--database <url>',
        'where the records are: sqlite:PATH or mongodb://HOST/NAME',
      ).env('MINDTRACE_DATABASE'),
    )
    .addOption(
      new Option('--mount <name=url>', 'where payloads are (repeatable): main=file:PATH')
        .env('MINDTRACE_MOUNTS')
        .argParser((text: string, earlier?: Readonly<Record<string, string>>) =>
          parseMount(text, earlier, allowed),
        ),
    )
    .addOption(
      new Option('--default-mount <name>', 'the mount for new payloads').env(
        'MINDTRACE_DEFAULT_MOUNT',
      ),
    )
    .addOption(
      new Option(
        '--cache <folder>',
        'where payloads of S3 and GCS are kept once they were read; off keeps none',
      ).env('MINDTRACE_CACHE'),
    )
    .addOption(
      new Option('--cache-size <size>', 'what they may take, as 20GB (default: 10GB)')
        .env('MINDTRACE_CACHE_SIZE')
        .argParser((text: string) => parseByteSize('--cache-size', text)),
    )
}

/** What the flags say of the cache; undefined when they say nothing. */
export function cacheOptions({ cache, cacheSize }: LakeOptions): LakeCacheOptions | undefined {
  if (cache === 'off') return false
  // A variable that is set to nothing says nothing.
  const folder = cache === '' ? undefined : cache
  if (folder === undefined && cacheSize === undefined) return undefined
  return { folder, maxBytes: cacheSize }
}

/** One `--mount NAME=URL`, or the space-separated list of `MINDTRACE_MOUNTS`. */
function parseMount(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
  allowed: { readonly mountNames: boolean },
): Record<string, string> {
  const mounts = { ...earlier }
  for (const one of text.split(/\s+/).filter((part) => part !== '')) {
    const at = one.indexOf('=')
    if (at === -1 && allowed.mountNames) {
      mounts[one] = ''
      continue
    }
    if (at < 1) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `--mount '${one}': write NAME=URL, as main=file:./payloads`,
      )
    }
    mounts[one.slice(0, at)] = one.slice(at + 1)
  }
  return mounts
}

/** The mounts that were given with an address, and the names that were given without. */
export function mountNames(given: LakeOptions['mount']): {
  readonly mounts: LakeOptions['mount']
  readonly names: readonly string[]
} {
  const all = Object.entries(given ?? {})
  const mounts = all.filter(([, url]) => url !== '')
  const names = all.filter(([, url]) => url === '').map(([name]) => name)
  return { mounts: mounts.length === 0 ? undefined : Object.fromEntries(mounts), names }
}

function hasKey(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { username, password } = new URL(address)
  return username !== '' || password !== ''
}

/** Whether an address is a service's. */
export function isRemote(address: string): boolean {
  return /^https?:\/\//i.test(address)
}

/** How a command opens its lake. */
export interface LakeOfOptions {
  /** Whether a folder that holds no lake becomes one. */
  readonly create: boolean
  readonly allowWipe?: boolean
  /** What lists that read everything may do; `configured`: what `lake.json` says, else a warning. Default `allow`. */
  readonly slowOperations?: SlowOperations | 'configured'
  readonly log?: Logger
  readonly tracer?: Tracer | undefined
}

/**
 * Opens the lake of a command. What opens it is loaded then: a remote lake needs no database.
 *
 * @throws `NOT_FOUND` for a folder without a lake, unless `create`.
 */
export async function lakeOf(options: LakeOptions, io: Io, access: LakeOfOptions): Promise<Lake> {
  if (isRemote(options.lake)) {
    if (options.database !== undefined || options.mount !== undefined) {
      throw new MindtraceError(
        'INVALID_INPUT',
        '--database and --mount describe a lake in this process; the remote lake has its own',
      )
    }
    const { connectLake } = await import('@mindtrace/client')
    // Bulk groups and whole-lake checks take longer than a task usually may.
    // A key in the address is meant for this very lake, the variable for any.
    const apiKey = hasKey(options.lake) ? undefined : io.env.MINDTRACE_API_KEY
    return connectLake(options.lake, { apiKey, timeoutMs: 600_000 })
  }
  const { openLake } = await import('@mindtrace/datalake')
  return await openLake(options.lake, {
    database: options.database,
    mounts: options.mount,
    defaultMount: options.defaultMount,
    cache: cacheOptions(options),
    create: access.create,
    log: access.log,
    tracer: access.tracer,
    settings: {
      ...(access.slowOperations === 'configured'
        ? {}
        : { slowOperations: access.slowOperations ?? 'allow' }),
      ...(access.allowWipe === true ? { allowWipe: true } : {}),
    },
  })
}
