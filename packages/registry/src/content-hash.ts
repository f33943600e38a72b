import { createHash } from 'node:crypto'
import { compareKeys } from './mount-key.ts'

/** Which content hash is written. Both are accepted on read; `none` leaves it out, which any reader accepts. */
export type ContentHashForm = 'v1' | 'v2' | 'none'

/**
 * The hash of a payload folder as the reference computes it, fed file by file in the order of
 * {@link inHashOrder}.
 *
 * v1 (core up to 0.12) joins path and content; v2 (from 0.13) is `P\0path\0C\0content\0F\0` per file.
 */
export class ContentHash {
  readonly #hash = createHash('sha256')
  readonly #form: 'v1' | 'v2'

  constructor(form: 'v1' | 'v2') {
    this.#form = form
  }

  beginFile(path: string): void {
    this.#hash.update(beforeFile(this.#form, path))
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
  }

  endFile(): void {
    this.#hash.update(afterFile(this.#form))
  }

  /** 64 hex digits; may be asked once. */
  digestHex(): string {
    return this.#hash.digest('hex')
  }
}

/** What a form hashes before the content of a file. */
export function beforeFile(form: 'v1' | 'v2', path: string): string {
  return form === 'v1' ? path : `P\0${path}\0C\0`
}

/** What a form hashes after the content of a file. */
export function afterFile(form: 'v1' | 'v2'): string {
  return form === 'v1' ? '' : '\0F\0'
}

/** The paths in the order in which a form reads them: v1 by path components, v2 by the whole path. */
export function inHashOrder(form: 'v1' | 'v2', paths: readonly string[]): string[] {
  return paths.toSorted(form === 'v1' ? compareComponents : compareKeys)
}

function compareComponents(a: string, b: string): number {
  const left = a.split('/')
  const right = b.split('/')
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const order = compareKeys(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length
}
