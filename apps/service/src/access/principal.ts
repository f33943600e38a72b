import type { ApiKey, KeyRole, KeyScopes } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'

/** Who asks. */
export interface Principal {
  /** The id of a key, or `local` where nobody is asked for one. */
  readonly id: string
  /** The name of the key. */
  readonly name: string | null
  readonly role: KeyRole
  readonly scopes: KeyScopes
}

const unlimited: KeyScopes = { mounts: null, collections: null }

/** Everybody, where the lake has no keys. */
export const local: Principal = { id: 'local', name: null, role: 'admin', scopes: unlimited }

/** Everybody, at the few paths that ask for no key. */
export const anyone: Principal = { id: 'anyone', name: null, role: 'reader', scopes: unlimited }

/** Whoever sends a key. */
export function principalOf({ key_id, name, role, scopes }: ApiKey): Principal {
  return { id: key_id, name, role, scopes }
}

/** Whether a key may touch the whole lake. */
export function isUnlimited({ scopes }: Principal): boolean {
  return scopes.mounts === null && scopes.collections === null
}

/**
 * Refuses a key that may not touch the whole lake what tells of the whole lake.
 *
 * @param what - in the plural.
 * @throws {@link MindtraceError} `FORBIDDEN`.
 */
export function requireUnlimited(principal: Principal, what: string): void {
  if (isUnlimited(principal)) return
  throw new MindtraceError('FORBIDDEN', `${what} are for keys without scopes`, {
    details: { missing: 'scope' },
  })
}
