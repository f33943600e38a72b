import { rmSync } from 'node:fs'

/**
 * Removes what nobody needs any more, if the system lets us: what stays, as on a disk that has become read-only, is
 * swept when it is old, and must not hide what went wrong before.
 */
export function discard(path: string): void {
  try {
    rmSync(path, { force: true, recursive: true })
  } catch {
    // see above
  }
}
