import { type ByteStream, checkedStream, MindtraceError } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'

/** The digest in a checksum of the forms `sha256:<hex>` and `<hex>`. */
export function sha256Of(checksum: string | null): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{64})$/i.exec(checksum ?? '')?.[1]?.toLowerCase()
}

/** The stream, ending in `CORRUPT` when what passed has another SHA-256. */
export function checkedBody(body: ByteStream, sha256: string, what: string): ByteStream {
  const hash = new RunningHash()
  return checkedStream(body, {
    update: (chunk) => hash.update(chunk),
    fault: () =>
      hash.digestHex() === sha256
        ? undefined
        : new MindtraceError('CORRUPT', `${what} is not what was recorded`),
  })
}
