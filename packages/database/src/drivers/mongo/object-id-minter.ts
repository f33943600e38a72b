import { randomBytes } from 'node:crypto'
import mongoose from 'mongoose'

const ticksPerMillisecond = 0x1_00_00

/**
 * Makes `_id`s whose order is the order of insertion, which is what a search without a sort follows:
 *
 *     4 bytes seconds · 2 bytes milliseconds · 4 random bytes of this minter · 2 bytes counter
 *
 * The driver's own begin with the second as well, so documents of both kinds mix in order, but within a
 * second they follow a counter that starts anywhere and turns over.
 */
export class ObjectIdMinter {
  readonly #now: () => number
  readonly #own = randomBytes(4)
  #ms = 0
  #count = 0

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** The next one, higher than all before it, also when the clock is set back. */
  next(): mongoose.Types.ObjectId {
    const now = this.#now()
    this.#count += 1
    if (now > this.#ms || this.#count === ticksPerMillisecond) {
      this.#ms = Math.max(now, this.#ms + 1)
      this.#count = 0
    }
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32BE(Math.floor(this.#ms / 1000) % 0x1_00_00_00_00, 0)
    bytes.writeUInt16BE(this.#ms % 1000, 4)
    this.#own.copy(bytes, 6)
    bytes.writeUInt16BE(this.#count, 10)
    return new mongoose.Types.ObjectId(bytes)
  }
}
