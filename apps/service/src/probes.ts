import type { Lake, LakeVitals, PartState } from '@mindtrace/contract'
import { isMindtraceError, type Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import { jsonResponse } from './json-response.ts'

/** What the probes ask. */
export interface ProbeOptions {
  readonly lake: Pick<Lake, 'call'>
  /** Without them the lake's task `health` is asked instead. */
  readonly vitals?: LakeVitals | undefined
  /** Aborts when the service ends: then it is not ready any more. */
  readonly ending?: AbortSignal | undefined
  readonly log: Logger
  /** How long database and mounts may take to answer; default 5,000. */
  readonly timeoutMs?: number | undefined
}

/** Anybody may ask, so the parts are not asked more often than this. */
const askEveryMs = 1_000

/**
 * `GET /health`: the process is alive. `GET /ready`: database and every mount answer; else 503 with the names of
 * those that don't and the code of their errors, no more. What else is known of them stands in the log.
 */
export function addProbes(app: Hono, options: ProbeOptions): void {
  const { ending, log } = options
  let asked: { readonly atMs: number; readonly states: Promise<readonly PartState[]> } | undefined
  app.get('/health', () => jsonResponse({ status: 'ok' }))
  app.get('/ready', async () => {
    if (ending?.aborted === true) return jsonResponse({ status: 'ending' }, 503)
    if (asked === undefined || performance.now() - asked.atMs >= askEveryMs) {
      asked = { atMs: performance.now(), states: ask(options) }
    }
    const failing = (await asked.states).filter(({ ok }) => !ok)
    if (failing.length === 0) return jsonResponse({ status: 'ready' })
    const parts = failing.map(({ part, code = 'INTERNAL' }) => ({ part, code }))
    log.warn({ parts }, 'not ready')
    return jsonResponse({ status: 'not ready', code: parts[0]?.code, parts }, 503)
  })
}

async function ask({
  lake,
  vitals,
  timeoutMs = 5_000,
}: ProbeOptions): Promise<readonly PartState[]> {
  const signal = AbortSignal.timeout(timeoutMs)
  if (vitals !== undefined) return await vitals.check({ signal })
  try {
    await lake.call('health', undefined, { signal })
    return []
  } catch (error) {
    const code = isMindtraceError(error) ? error.code : signal.aborted ? 'TIMEOUT' : 'INTERNAL'
    return [{ part: 'lake', ok: false, code }]
  }
}
