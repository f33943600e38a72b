import { join, resolve } from 'node:path'
import type { Logger } from '@mindtrace/core'
import { cachesOfUser } from '@mindtrace/core/caches'
import { PayloadCache } from '@mindtrace/registry'
import type { LakeConfig } from './lake-config.ts'

/** Where payloads of object stores are kept on this machine, once they were read; false: nowhere. */
export type LakeCacheOptions =
  | false
  | {
      /** Default: `MINDTRACE_CACHE`, else `mindtrace/payloads` in the user's folder of caches. */
      readonly folder?: string | undefined
      /** Default 10 GB. */
      readonly maxBytes?: number | undefined
    }

/** The cache that a file and the options over it come to; a relative folder of the file is one of `base`. */
export function cacheOf(
  configured: LakeConfig['cache'],
  wanted: LakeCacheOptions | undefined,
  { base, log }: { readonly base: string; readonly log?: Logger | undefined },
): PayloadCache | undefined {
  if (wanted === false) return undefined
  if (configured === false && wanted?.folder === undefined) return undefined
  const file = configured === false ? undefined : configured
  const given = wanted?.folder ?? (file?.folder && resolve(base, file.folder))
  const folder = given ?? defaultFolder(process.env)
  if (folder === undefined) return undefined
  return new PayloadCache({ folder, maxBytes: wanted?.maxBytes ?? file?.max_bytes, log })
}

function defaultFolder(env: NodeJS.ProcessEnv): string | undefined {
  const given = env.MINDTRACE_CACHE
  if (given !== undefined && given !== '') return given === 'off' ? undefined : resolve(given)
  const caches = cachesOfUser(env)
  return caches && join(caches, 'mindtrace', 'payloads')
}
