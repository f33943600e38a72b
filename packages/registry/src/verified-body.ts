import { type ByteStream, checkedStream, MindtraceError } from '@mindtrace/core'
import { RunningHash } from '@mindtrace/core/hash'
import { ContentHash } from './content-hash.ts'
import { ThreadHash } from './hash-thread.ts'
import { formatId, type ObjectId } from './layouts/layout.ts'
import type { ObjectDocument } from './object-document.ts'

/** The stream, ending in `CORRUPT` when what passed does not match the document. */
export function verified(body: ByteStream, id: ObjectId, document: ObjectDocument): ByteStream {
  const check = checkOf(document)
  if (check === undefined) return body
  return checkedStream(body, {
    update: check.update,
    fault: async () => ((await check.matches()) ? undefined : hashMismatch(id)),
    broken: () => check.cancel?.(),
  })
}

interface Check {
  update(chunk: Uint8Array): void | Promise<void>
  matches(): boolean | Promise<boolean>
  /** The stream ends before its end. */
  cancel?(): void
}

/** From this size on the hash is computed beside this thread, which reads on meanwhile. */
const largeBytes = 8 * 1024 * 1024

// Python knows no `sha256` and drops it when it writes, so where it stands it is of these very bytes, and one
// digest is enough. Else it is not known which of the two forms `hash` has.
function checkOf(document: ObjectDocument): Check | undefined {
  const [file] = document._files ?? []
  if (document._files?.length !== 1 || file === undefined) return undefined
  if (document.sha256 !== undefined) {
    if ((document.size_bytes ?? 0) >= largeBytes) {
      let sum: ThreadHash | undefined
      // Not before there are bytes: a hash under way keeps the process alive.
      const begun = () => {
        sum ??= new ThreadHash()
        return sum
      }
      return {
        update: (chunk) => begun().update(chunk),
        matches: async () => (await begun().digestHex()) === document.sha256,
        cancel: () => sum?.cancel(),
      }
    }
    const sum = new RunningHash()
    return {
      update: (chunk) => sum.update(chunk),
      matches: () => sum.digestHex() === document.sha256,
    }
  }
  if (document.hash === undefined) return undefined
  const hashes = [new ContentHash('v2'), new ContentHash('v1')]
  for (const hash of hashes) hash.beginFile(file)
  return {
    update: (chunk) => {
      for (const hash of hashes) hash.update(chunk)
    },
    matches: () => {
      for (const hash of hashes) hash.endFile()
      return hashes.some((hash) => hash.digestHex() === document.hash)
    },
  }
}

export function hashMismatch(id: ObjectId): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `the bytes of '${formatId(id)}' do not match their hash; restore them from another lake`,
    { details: { name: id.name, version: id.version } },
  )
}
