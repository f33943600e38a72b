import type { CallOptions } from '@mindtrace/core'
import type { AuditEntry } from './extensions/audit.ts'
import type { ApiKey, KeyRole } from './extensions/keys.ts'

/** What whoever calls a task must be: a role of a key; `destructive` is an admin, where the service allows it at all. */
export type Need = KeyRole | 'destructive'

/** A key with what its secret is checked against. It stays inside the process that checks. */
export interface KeyRecord extends ApiKey {
  /** SHA-256 of the secret, 64 hex digits. */
  readonly secret_sha256: string
}

/**
 * What a service needs of a lake to know who asks and to write down what they did. A lake in this process has it;
 * it is not part of `Lake`, so no task and no remote caller can reach a hash.
 */
export interface LakeAccess {
  /** Every key that is not revoked; and whether there ever was a key, for then nobody gets in without. */
  keys(
    options?: CallOptions,
  ): Promise<{ readonly required: boolean; readonly keys: readonly KeyRecord[] }>
  /** Notes that keys were used; those that are gone are left out. */
  markUsed(used: ReadonlyMap<string, string>, options?: CallOptions): Promise<void>
  /** Appends to the audit log. */
  record(entries: readonly AuditEntry[], options?: CallOptions): Promise<void>
  /** Forgets what the audit log holds from before an instant; how many entries. */
  forgetBefore(instant: string, options?: CallOptions): Promise<number>
}

const pattern = /^mtk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/

/** The two parts of a key as it is sent, `mtk_<key_id>_<secret>`; undefined for anything else. */
export function parseApiKey(
  text: string,
): { readonly keyId: string; readonly secret: string } | undefined {
  const [, keyId, secret] = pattern.exec(text) ?? []
  return keyId === undefined || secret === undefined ? undefined : { keyId, secret }
}

/** A key as it is sent: letters, digits, `_` and `-`, so it needs no escape in an address. */
export function formatApiKey(keyId: string, secret: string): string {
  return `mtk_${keyId}_${secret}`
}
