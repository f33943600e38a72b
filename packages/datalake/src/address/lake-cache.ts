import { extname, resolve } from 'node:path'
import { type PayloadCache, parseMountUrl } from '@mindtrace/registry'
import { cacheOf } from './cache-options.ts'
import { type OpenLakeOptions, readConfig, schemeOf } from './open-lake.ts'

/** The cache of a lake, and the mounts that use it. */
export interface LakeCache {
  /** Undefined when it is switched off. */
  readonly cache: PayloadCache | undefined
  /** Names of mounts in object stores that do not say `use_cache=false`. */
  readonly mounts: readonly string[]
}

const remoteSchemes = new Set(['s3', 'gs'])

/**
 * The cache that `openLake` uses for an address with these options. Nothing is made, and no lake need be
 * there.
 *
 * @throws {@link MindtraceError} `NOT_FOUND`, `INVALID_INPUT` or `VALIDATION_FAILED` for a `lake.json` that can't be read.
 */
export async function lakeCache(
  address: string,
  options: Pick<OpenLakeOptions, 'cache' | 'mounts' | 'log'> = {},
): Promise<LakeCache> {
  const path = resolve(address)
  const config = extname(path) === '.json' ? await readConfig(path) : undefined
  const mounts = Object.entries(options.mounts ?? config?.mounts ?? {})
  return {
    cache: cacheOf(config?.cache, options.cache, {
      base: resolve(path, '..'),
      log: options.log,
    }),
    mounts: mounts.filter(([, url]) => isCached(url)).map(([name]) => name),
  }
}

function isCached(url: string): boolean {
  return remoteSchemes.has(schemeOf(url, 'mount').scheme) && parseMountUrl(url).useCache
}
