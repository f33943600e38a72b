import type { LakeVitals, PartState } from '@mindtrace/contract'
import { abortable, type CallOptions, isMindtraceError } from '@mindtrace/core'
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
    // A file system that hangs heeds no signal.
    await abortable(ask(), signal)
    return { part, ok: true }
  } catch (error) {
    const code = isMindtraceError(error) ? error.code : signal?.aborted ? 'TIMEOUT' : 'INTERNAL'
    return { part, ok: false, code }
  }
}
