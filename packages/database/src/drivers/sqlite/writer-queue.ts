import { setTimeout as sleep } from 'node:timers/promises'
import { Mutex } from '@mindtrace/core'
import { isBusy } from './sqlite-errors.ts'

/** What writes to one file: one turn at a time, in the order of the calls. */
export class WriterQueue {
  readonly #mutex = new Mutex()
  #inQueue = 0

  /** Turns that wait, without the one that is under way. */
  get waiting(): number {
    return Math.max(0, this.#inQueue - 1)
  }

  /** Waits for the turn. A signal ends the wait at once; a turn that has begun decides for itself. */
  async run<R>(turn: () => Promise<R> | R, signal?: AbortSignal | undefined): Promise<R> {
    this.#inQueue += 1
    try {
      return await this.#run(turn, signal)
    } finally {
      this.#inQueue -= 1
    }
  }

  #run<R>(turn: () => Promise<R> | R, signal: AbortSignal | undefined): Promise<R> {
    if (signal === undefined) return this.#mutex.run(turn)
    return new Promise<R>((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#mutex
        .run(() => {
          signal.removeEventListener('abort', onAbort)
          signal.throwIfAborted()
          return turn()
        })
        .then(resolve, reject)
    })
  }
}

/**
 * Tries again while another process holds the lock, up to `timeoutMs`, leaving the event loop free.
 * What is thrown last is SQLite's own error.
 */
export async function whileBusy<R>(
  work: () => R,
  timeoutMs: number,
  signal?: AbortSignal | undefined,
): Promise<R> {
  const deadline = performance.now() + timeoutMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 25)) {
    signal?.throwIfAborted()
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
    }
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
  }
}
