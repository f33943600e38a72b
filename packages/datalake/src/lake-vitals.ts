import type { LakeVitals, PartState } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { MountTraffic } from '@mindtrace/registry'
import type { LakeParts } from './lake-parts.ts'

/** Whether the parts of a lake answer, and how busy they are. */
export function lakeVitals(
  { database, store, records }: Pick<LakeParts, 'database' | 'store' | 'records'>,
  traffic: ReadonlyMap<string, MountTraffic>,
): LakeVitals {
  return {
    check: async (options = {}) => {
      const mounts = store.mounts().map(({ name }) => name)
      return await Promise.all([
        stateOf('database', options, () => database.ping(options)),
        ...mounts.map((name) =>
          stateOf(`mount ${name}`, options, () => store.registry(name).mount.ping(options)),
        ),
      ])
    },
    load: () => ({ database: database.load(), mounts: Object.fromEntries(traffic) }),
    queues: async (options = {}) => ({
      uploads: await records.uploadSessions.count({ status: 'pending' }, options),
    }),
  }
}

async function stateOf(
  part: string,
  { signal }: CallOptions,
  ask: () => Promise<void>,
): Promise<PartState> {
  try {
    await unlessAborted(ask(), signal)
    return { part, ok: true }
  } catch (error) {
    const code = isMindtraceError(error) ? error.code : signal?.aborted ? 'TIMEOUT' : 'INTERNAL'
    return { part, ok: false, code }
  }
}

/** A file system that hangs heeds no signal. */
async function unlessAborted(asked: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await asked
  asked.catch(() => {})
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new MindtraceError('TIMEOUT', 'no answer in time'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await Promise.race([asked, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
