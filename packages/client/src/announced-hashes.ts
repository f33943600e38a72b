import type { IngestItem } from '@mindtrace/contract'

/**
 * Announces the SHA-256 of every payload that is in memory, so that the lake notices bytes that a wire
 * or a proxy changed. Streams go unannounced: their hash is known only when they have passed.
 */
export async function* withAnnouncedHashes(
  items: AsyncIterable<IngestItem> | Iterable<IngestItem>,
): AsyncGenerator<IngestItem> {
  for await (const { sample, payloads } of items) {
    const assets = { ...sample.assets }
    for (const [role, asset] of Object.entries(assets)) {
      const payload = payloads[role]
      if (asset.sha256 !== null || !(payload instanceof Uint8Array)) continue
      // Browsers have no cryptography on pages that came without TLS from another machine.
      if (crypto.subtle === undefined) continue
      assets[role] = { ...asset, sha256: await sha256(payload) }
    }
    yield { sample: { ...sample, assets }, payloads }
  }
}

/** By the platform's own cryptography, which Node and browsers share; 64 hex digits. */
async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
