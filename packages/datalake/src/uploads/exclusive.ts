/** Runs work on one key at a time; different keys beside each other. What has begun is awaited by `settled`. */
export class Exclusive {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `work` after what runs under the key. A failed turn does not stop the next. */
  run<R>(key: string, work: () => Promise<R>): Promise<R> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const result = before.then(work)
    const tail = result.catch(() => {})
    this.#tails.set(key, tail)
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    return result
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values())
  }
}
