import { MindtraceError } from '@mindtrace/core'
import type { PayloadCache } from './cache/payload-cache.ts'
import type { ContentHashForm } from './content-hash.ts'
import type { Mount } from './mount.ts'
import { openRegistry, type Registry, type RegistryOptions } from './registry.ts'
import type { WantedSettings } from './registry-settings.ts'

/** A mount's address in parts: `file:///path?mutable=true`, `memory:`, `s3://bucket/prefix?region=…`. */
export interface MountUrl {
  /** Without the colon. */
  readonly scheme: string
  /** The address without its parameters. */
  readonly url: URL
  readonly registry: Omit<RegistryOptions, 'signal' | 'defaults' | 'cache'>
  /** Whether payloads that are read may be kept on this machine. Default true. */
  readonly useCache: boolean
  /** The parameters that are the driver's own. */
  readonly parameters: ReadonlyMap<string, string>
}

/**
 * Makes the mount of an address.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for a parameter it does not know.
 */
export type MountOpener = (url: MountUrl) => Mount | Promise<Mount>

/** Options of {@link openMount}. */
export interface OpenMountOptions {
  /** What opens an address, by scheme: `{ file: openLocalMount, memory: openMemoryMount }`. */
  readonly openers: Readonly<Record<string, MountOpener>>
  /** Settings for what the address leaves open, for a registry that is new. */
  readonly defaults?: WantedSettings | undefined
  /** Puts something around the mount before anything uses it. */
  readonly around?: ((mount: Mount) => Mount) | undefined
  /** Keeps payloads of object stores, unless the address says `use_cache=false`. Default: nothing is kept. */
  readonly cache?: PayloadCache | undefined
}

/**
 * Opens the registry behind a mount's address.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for an address, scheme or parameter that is not known;
 * what {@link openRegistry} throws.
 */
export async function openMount(text: string, options: OpenMountOptions): Promise<Registry> {
  const parsed = parseMountUrl(text)
  const open = Object.hasOwn(options.openers, parsed.scheme)
    ? options.openers[parsed.scheme]
    : undefined
  if (open === undefined) {
    const known = Object.keys(options.openers).map((scheme) => `${scheme}:`)
    throw invalid(`no driver for '${parsed.scheme}:' addresses; there are: ${known.join(', ')}`)
  }
  const opened = await open(parsed)
  const mount = options.around?.(opened) ?? opened
  try {
    return await openRegistry(mount, {
      ...parsed.registry,
      defaults: options.defaults,
      cache: parsed.useCache ? options.cache : undefined,
    })
  } catch (error) {
    await mount[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Takes a mount's address apart. Parameters of every mount: `read_only`, `mutable`, `version_objects`
 * (`true` or `false`), `version_digits`, `content_hash` (`v1`, `v2`, `none`), `layout` (`reference`,
 * `plain`), `use_cache` (`true` or `false`).
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for text that is no such address, or that holds a secret.
 */
export function parseMountUrl(text: string): MountUrl {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw invalid(`'${text}' is no mount address; a folder is file:///absolute/path`, cause)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid('a mount address holds no credentials: use the usual variables of its vendor')
  }
  const parameters = new Map<string, string>()
  for (const [name, value] of url.searchParams) {
    if (parameters.has(name)) throw invalid(`parameter '${name}' stands twice in a mount address`)
    parameters.set(name, value)
  }
  const take = (name: string) => {
    const value = parameters.get(name)
    parameters.delete(name)
    return value
  }
  const registry = {
    readOnly: parseFlag('read_only', take('read_only')),
    mutable: parseFlag('mutable', take('mutable')),
    versionObjects: parseFlag('version_objects', take('version_objects')),
    versionDigits: parseCount('version_digits', take('version_digits')),
    contentHash: parseForm(take('content_hash')),
    layout: parseLayout(take('layout')),
  }
  const useCache = parseFlag('use_cache', take('use_cache')) ?? true
  url.search = ''
  return { scheme: url.protocol.slice(0, -1), url, registry, useCache, parameters }
}

/** Refuses parameters that no driver asked for. For openers. */
export function refuseUnknownParameters(url: MountUrl, known: readonly string[] = []): void {
  for (const name of url.parameters.keys()) {
    if (known.includes(name)) continue
    throw invalid(`${url.scheme}: addresses have no parameter '${name}'`)
  }
}

function parseFlag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw invalid(`${name} is true or false, not '${value}'`)
}

function parseCount(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (/^[1-9]\d?$/.test(value)) return Number(value)
  throw invalid(`${name} is a number from 1 to 99, not '${value}'`)
}

function parseForm(value: string | undefined): ContentHashForm | undefined {
  if (value === undefined || value === 'v1' || value === 'v2' || value === 'none') return value
  throw invalid(`content_hash is v1, v2 or none, not '${value}'`)
}

function parseLayout(value: string | undefined): 'reference' | 'plain' | undefined {
  if (value === undefined || value === 'reference' || value === 'plain') return value
  throw invalid(`layout is reference or plain, not '${value}'`)
}

function invalid(message: string, cause?: unknown): MindtraceError {
  return new MindtraceError('INVALID_INPUT', message, cause === undefined ? {} : { cause })
}
