import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * The folder in which programs of this user keep what they can make again: `$XDG_CACHE_HOME`, else `.cache` in the home.
 * Undefined for a user without a home, as in a container that runs as any number.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cachesOfUser(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const given = env.XDG_CACHE_HOME
  if (given !== undefined && isAbsolute(given)) return given
  try {
    return join(homedir(), '.cache')
  } catch {
    return undefined
  }
}
