import { canonicalJson, sha256Hex } from '@mindtrace/core/hash'
import type { IngestSample } from './model/ingest.ts'

/**
 * The digest by which an ingest knows a sample again: SHA-256 (64 hex digits) over all of the sample
 * but its ordinal, with the hash of each payload by role. Where the bytes lie is no part of it, so a sample
 * with its bytes and one in place are the same. Sender and lake compute it alike.
 */
export function sampleDigest(
  sample: IngestSample,
  payloadSha256: Readonly<Record<string, string>>,
): string {
  const assets = Object.fromEntries(
    Object.entries(sample.assets).map(
      ([role, { sha256: _declared, in_place: _where, ...asset }]) => [
        role,
        { ...asset, sha256: payloadSha256[role] },
      ],
    ),
  )
  return sha256Hex(canonicalJson({ ...sample, ordinal: undefined, assets }))
}
