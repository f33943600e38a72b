import type { DecodedPayload } from '@mindtrace/contract'

/** The value of each character; others have none. */
const values = new Int8Array(256).fill(-1)
for (const [value, character] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  values[character.charCodeAt(0)] = value
}
const padding = 0x3d
/** Bytes are collected in pieces of this: few enough to hold, small enough to be hashed and written between others' requests. */
const pieceBytes = 256 * 1024

/**
 * Decodes base64 text as it comes, from bytes to bytes: text of this length would cost more in garbage than in work, and
 * everybody waits while that is collected.
 */
export class Base64Decoder {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = []
  #sizeBytes = 0
  #piece = new Uint8Array(0)
  #used = 0
  /** The bits of a group of four that is not complete, and how many characters of it have come. */
  #bits = 0
  #characters = 0
  #padding = 0
  #isBase64 = true

  /** Takes the characters of `text` from `start` to before `stop`. */
  push(text: Uint8Array, start: number, stop: number): void {
    if (!this.#isBase64) return
    let index = start
    while (index < stop) {
      if (this.#characters === 0 && this.#padding === 0) {
        index = this.#groups(text, index, stop)
        if (index >= stop) return
      }
      if (!this.#one(text[index] as number)) {
        this.#isBase64 = false
        return
      }
      index += 1
    }
  }

  end(): DecodedPayload {
    if (this.#characters !== 0) this.#isBase64 = false
    if (this.#used > 0) this.#chunks.push(this.#piece.subarray(0, this.#used))
    this.#used = 0
    this.#piece = new Uint8Array(0)
    return { chunks: this.#chunks, sizeBytes: this.#sizeBytes, isBase64: this.#isBase64 }
  }

  /** Whole groups without padding, as many as there are; the place of the first character that is in none. */
  #groups(text: Uint8Array, start: number, stop: number): number {
    let index = start
    while (index + 4 <= stop) {
      if (this.#piece.length - this.#used < 3) this.#next()
      const groups = Math.min((stop - index) >> 2, ((this.#piece.length - this.#used) / 3) | 0)
      const piece = this.#piece
      let used = this.#used
      const last = index + groups * 4
      for (; index < last; index += 4) {
        const a = values[text[index] as number] as number
        const b = values[text[index + 1] as number] as number
        const c = values[text[index + 2] as number] as number
        const d = values[text[index + 3] as number] as number
        if ((a | b | c | d) < 0) break
        piece[used] = (a << 2) | (b >> 4)
        piece[used + 1] = (b << 4) | (c >> 2)
        piece[used + 2] = (c << 6) | d
        used += 3
      }
      this.#sizeBytes += used - this.#used
      this.#used = used
      if (index < last) return index
    }
    return index
  }

  /** One character of a group that is cut or padded; whether it may stand there. */
  #one(character: number): boolean {
    if (character === padding) {
      if (this.#characters < 2) return false
      this.#padding += 1
      this.#bits <<= 6
    } else {
      const value = values[character] as number
      if (value < 0 || this.#padding > 0) return false
      this.#bits = (this.#bits << 6) | value
    }
    this.#characters += 1
    if (this.#characters < 4) return true
    this.#byte(this.#bits >> 16)
    if (this.#padding < 2) this.#byte(this.#bits >> 8)
    if (this.#padding < 1) this.#byte(this.#bits)
    this.#bits = 0
    this.#characters = 0
    return true
  }

  #byte(value: number): void {
    if (this.#used === this.#piece.length) this.#next()
    this.#piece[this.#used] = value
    this.#used += 1
    this.#sizeBytes += 1
  }

  #next(): void {
    if (this.#used > 0) this.#chunks.push(this.#piece.subarray(0, this.#used))
    this.#piece = new Uint8Array(pieceBytes)
    this.#used = 0
  }
}

/** Gives the memory of a payload back at once, when nobody reads it any more: the collector would come by much later. */
export function release({ chunks }: DecodedPayload): void {
  for (const { buffer } of chunks) buffer.transfer(0)
}
