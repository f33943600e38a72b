import type { DecodedPayload } from '@mindtrace/contract'

const alphabet = /^[A-Za-z0-9+/]*$/
const end = /^[A-Za-z0-9+/]*={0,2}$/

/** Decodes base64 text as it comes, piece by piece. */
export class Base64Decoder {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = []
  #sizeBytes = 0
  /** What does not make a group of four yet, or may be the end. */
  #rest = ''
  #isBase64 = true

  push(text: string): void {
    if (!this.#isBase64) return
    const all = this.#rest + text
    // The last group stays here: only it may be padded.
    const whole = Math.max(0, all.length - 1) & ~3
    const now = all.slice(0, whole)
    this.#rest = all.slice(whole)
    if (alphabet.test(now)) this.#keep(now)
    else this.#isBase64 = false
  }

  end(): DecodedPayload {
    if (this.#rest.length % 4 !== 0 || !end.test(this.#rest)) this.#isBase64 = false
    else this.#keep(this.#rest)
    return { chunks: this.#chunks, sizeBytes: this.#sizeBytes, isBase64: this.#isBase64 }
  }

  #keep(text: string): void {
    if (text === '') return
    const bytes = Buffer.from(text, 'base64') as Buffer<ArrayBuffer>
    this.#chunks.push(bytes)
    this.#sizeBytes += bytes.byteLength
  }
}
