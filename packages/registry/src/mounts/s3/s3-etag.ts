import { createHash } from 'node:crypto'
import type { UploadedPart } from '../../mount.ts'

/** An etag as the port has it: without the quotes, which stores write here and leave out there. */
export function unquoted(etag: string | undefined): string {
  return (etag ?? '').replace(/^"|"$/g, '')
}

/** An etag as HTTP has it. */
export function quoted(etag: string): string {
  return `"${unquoted(etag)}"`
}

/** The etag that stores give an object of these parts, unless they encrypt it with keys of their own. */
export function etagOfParts(parts: readonly UploadedPart[]): string {
  const digest = createHash('md5')
  for (const { etag } of parts) digest.update(Buffer.from(unquoted(etag), 'hex'))
  return `${digest.digest('hex')}-${parts.length}`
}
