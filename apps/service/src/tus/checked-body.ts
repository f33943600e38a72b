import { createHash } from 'node:crypto'
import { type ByteStream, type Bytes, bytesOf, MindtraceError } from '@mindtrace/core'

/** Algorithms of `Upload-Checksum`. */
export const checksumAlgorithms = ['sha1', 'sha256', 'md5'] as const

/** A body with a checksum is held until it is known to be right; larger ones go in several requests. */
export const maxCheckedBytes = 16 * 1024 * 1024

/**
 * The body, whole and compared with its checksum; as it comes where there is none. Undefined when the checksum is another.
 *
 * @throws `INVALID_INPUT` for a header that is none; `TOO_LARGE`.
 */
export async function checkedBody(
  body: ByteStream,
  header: string | null,
  signal: AbortSignal,
): Promise<Bytes | ByteStream | undefined> {
  if (header === null) return body
  const [name, digest = ''] = header.trim().split(/ +/)
  const algorithm = checksumAlgorithms.find((one) => one === name)
  if (algorithm === undefined || digest === '') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `Upload-Checksum is one of ${checksumAlgorithms.join(', ')} and a digest in base64`,
    )
  }
  const bytes = await bytesOf(body, maxCheckedBytes, { signal })
  return createHash(algorithm).update(bytes).digest('base64') === digest ? bytes : undefined
}
