import { createHash } from 'node:crypto'
import { canonicalJson } from '@mindtrace/core/hash'

/** What a document holds, whatever the order of its fields and the `_id` that its database gave it. */
export function contentOf(document: object): string {
  return canonicalJson({ ...document, _id: undefined })
}

/**
 * A hash of a set of documents that does not depend on their order: the sum of the SHA-256 of each, lane by lane.
 */
export class ContentHash {
  readonly #lanes = new BigUint64Array(4)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Adds a document, as {@link contentOf} gives it. */
  add(content: string): void {
    const digest = createHash('sha256').update(content).digest()
    for (const lane of this.#lanes.keys()) {
      // A typed array wraps around by itself.
      this.#lanes[lane] = (this.#lanes[lane] ?? 0n) + digest.readBigUInt64BE(lane * 8)
    }
    this.#count += 1
  }

  /** 64 hex digits. */
  get hex(): string {
    return [...this.#lanes].map((lane) => lane.toString(16).padStart(16, '0')).join('')
  }
}
