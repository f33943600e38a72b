import { setTimeout as wait } from 'node:timers/promises'
import type { Lake } from '@mindtrace/contract'
import { isMindtraceError, type Logger } from '@mindtrace/core'

const limit = 100

/**
 * Puts uploads in order every so often: see `uploads.reconcile`. Any number of processes may do so on one
 * lake. What fails is logged and tried again at the next turn. Disposing waits for the turn under way. An
 * interval of 0 is never.
 */
export function startUploadReconciler(
  lake: Pick<Lake, 'call'>,
  { intervalMs, log }: { readonly intervalMs: number; readonly log: Logger },
): AsyncDisposable {
  const ending = new AbortController()
  const ended =
    intervalMs > 0 ? run(lake, { intervalMs, log, signal: ending.signal }) : Promise.resolve()
  return {
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      await ended
    },
  }
}

async function run(
  lake: Pick<Lake, 'call'>,
  options: { readonly intervalMs: number; readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { intervalMs, log, signal } = options
  // Soon after the start: what a process left that was killed is put in order when it is started again.
  let longestMs = Math.min(intervalMs, 1000)
  let shortestMs = 0
  while (!signal.aborted) {
    // Not all processes at once.
    const pauseMs = shortestMs + Math.random() * (longestMs - shortestMs)
    shortestMs = intervalMs * 0.9
    longestMs = intervalMs * 1.1
    await wait(pauseMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      let done: number
      do {
        const counts = await lake.call('uploads.reconcile', { limit }, { signal })
        done = counts.expired + counts.completed
        if (done > 0) log.info({ ...counts }, 'uploads were put in order')
      } while (done >= limit)
    } catch (error) {
      if (signal.aborted) return
      if (isMindtraceError(error, 'NOT_IMPLEMENTED')) return
      log.warn({ error }, 'uploads could not be put in order; they will be tried again')
    }
  }
}
