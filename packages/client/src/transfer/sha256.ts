/** A running SHA-256. */
export interface RunningSha256 {
  update(bytes: Uint8Array): void
  /** 64 hex digits; may be asked once. */
  digestHex(): string
}

/** A running SHA-256; undefined in browsers, whose cryptography hashes whole buffers only. */
export function runningSha256(): RunningSha256 | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  const hash = crypto.createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digestHex: () => hash.digest('hex') }
}
