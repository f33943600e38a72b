import { type ByteStream, MindtraceError } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'

/** The digest in a checksum of the forms `sha256:<hex>` and `<hex>`. */
export function sha256Of(checksum: string | null): string | undefined {
  return /^(?:sha256:)?([0-9a-f]{64})$/i.exec(checksum ?? '')?.[1]?.toLowerCase()
}

/** The stream, ending in `CORRUPT` when what passed has another SHA-256. */
export function checkedBody(body: ByteStream, sha256: string, what: string): ByteStream {
  const reader = body.getReader()
  const hash = new RunningHash()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await reader.read()
        if (!next.done) {
          hash.update(next.value)
          controller.enqueue(next.value)
        } else if (hash.digestHex() === sha256) controller.close()
        else controller.error(new MindtraceError('CORRUPT', `${what} is not what was recorded`))
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
