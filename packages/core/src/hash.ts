import { createHash, hash } from 'node:crypto'

/** SHA-256 of bytes or UTF-8 text, 64 hex digits. Node only. */
export function sha256Hex(data: Uint8Array | string): string {
  return hash('sha256', data, 'hex')
}

/** A running SHA-256 and byte count, for hashing in the same pass as a copy. Node only. */
export class RunningHash {
  readonly #hash = createHash('sha256')
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Text counts as UTF-8. */
  update(chunk: Uint8Array | string): void {
    this.#hash.update(chunk)
    this.#sizeBytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength
  }

  /** 64 hex digits; may be asked once. */
  digestHex(): string {
    return this.#hash.digest('hex')
  }
}

/**
 * JSON with sorted keys at every depth and no white space, for digests of values.
 * `undefined` members are left out, as JSON does.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  )
}
