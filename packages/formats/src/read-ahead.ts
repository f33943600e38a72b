import type { CallOptions } from '@mindtrace/core'

/**
 * Maps a list as a stream: up to `limit` calls run ahead of the consumer, results come in the order of
 * the input. Leaving the loop waits for the calls under way, so nothing runs on unseen.
 */
export async function* readAhead<T, R>(
  items: readonly T[],
  limit: number,
  map: (item: T) => Promise<R>,
  options: CallOptions = {},
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = []
  let next = 0
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      while (underWay.length < limit && next < items.length) {
        const call = map(items[next++] as T)
        call.catch(() => {}) // it is awaited in its turn
        underWay.push(call)
      }
      const first = underWay.shift()
      if (first === undefined) return
      yield await first
    }
  } finally {
    await Promise.allSettled(underWay)
  }
}
