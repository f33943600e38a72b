/** Keeps the values used last, up to a sum of bytes. */
export class BoundedCache<Value extends { readonly bytes: Uint8Array }> {
  readonly #limitBytes: number
  /** In the order of use: the first was used longest ago. */
  readonly #values = new Map<string, Value>()
  #sizeBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  set(key: string, value: Value): void {
    this.#delete(key)
    if (value.bytes.byteLength > this.#limitBytes) return
    this.#values.set(key, value)
    this.#sizeBytes += value.bytes.byteLength
    for (const oldest of this.#values.keys()) {
      if (this.#sizeBytes <= this.#limitBytes) return
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    this.#sizeBytes -= this.#values.get(key)?.bytes.byteLength ?? 0
    this.#values.delete(key)
  }
}
