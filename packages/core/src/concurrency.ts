/** What every call that waits accepts. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Maps with at most `limit` calls under way and gives the results in the order of the input. The first
 * failure stops further calls; those under way end before it is thrown, so nothing runs on unseen.
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T, index: number) => Promise<R>,
  options: CallOptions = {},
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let failure: { readonly reason: unknown } | undefined
  const worker = async () => {
    while (failure === undefined && next < items.length) {
      const index = next++
      try {
        options.signal?.throwIfAborted()
        results[index] = await map(items[index] as T, index)
      } catch (reason) {
        failure ??= { reason }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  if (failure !== undefined) throw failure.reason
  return results
}

/**
 * One at a time, in the order of the calls: what the writers of one file, one folder or one journal
 * pass through. A failed turn does not stop the next.
 */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  run<R>(turn: () => Promise<R> | R): Promise<R> {
    const result = this.#tail.then(turn)
    this.#tail = result.catch(() => {})
    return result
  }
}

/**
 * A {@link Mutex} for each key: work under one key goes one after the other, different keys beside each
 * other. A key costs nothing once its last turn has ended.
 */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs `turn` after what runs under the key. A failed turn does not stop the next. */
  run<R>(key: string, turn: () => Promise<R>): Promise<R> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const result = before.then(turn)
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

/** Groups an async stream into arrays of `size`, the last one shorter. */
export async function* inGroups<T>(
  items: AsyncIterable<T> | Iterable<T>,
  size: number,
): AsyncGenerator<T[]> {
  let group: T[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length === size) {
      yield group
      group = []
    }
  }
  if (group.length > 0) yield group
}

/** The outcome of work that heeds no signal itself: an abort ends the wait for it, and its outcome is lost. */
export function abortable<R>(work: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  if (signal === undefined) return work
  return new Promise<R>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
