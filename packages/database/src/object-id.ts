import { sha256Hex } from '@mindtrace/core/hash'

const minted = /_([0-9a-f]{24})[0-9a-f]{8}$/

/**
 * The `_id` of a document that has no stored one: 24 hex digits made from its business key, so the same
 * key always has the same id. The first 24 of the 32 hex digits that end a minted key
 * (`asset_<32 hex>`); of any other key the first 24 of its SHA-256.
 */
export function objectIdOf(key: string): string {
  return minted.exec(key)?.[1] ?? sha256Hex(key).slice(0, 24)
}
