import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { cachesOfUser } from '@mindtrace/core/caches'

/**
 * Keeps what V8 makes of this program's files for the next time: to be called before they are imported. The folder is
 * the user's own, since what lies there is run; where it can't be written nothing is kept, and
 * `NODE_DISABLE_COMPILE_CACHE=1` or `MINDTRACE_CACHE=off` keep nothing either.
 */
export function keepCompiled(): void {
  const caches = process.env.MINDTRACE_CACHE === 'off' ? undefined : cachesOfUser(process.env)
  if (caches !== undefined) enableCompileCache(join(caches, 'mindtrace', 'compiled'))
}
