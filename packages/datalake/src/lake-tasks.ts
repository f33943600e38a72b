import { tasks } from '@mindtrace/contract'
import { type CallOptions, MindtraceError, mapBounded } from '@mindtrace/core'
import type { Manifests } from './datasets/manifests.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { contentNames } from './records/records.ts'
import { countsOf, totalsOf } from './totals.ts'

/** The lake as a whole: health, counts, mounts, wipe. */
export function lakeHandlers(parts: LakeParts, manifests: Manifests) {
  const { records, store, settings } = parts
  return {
    endpoints: async () => ({ endpoints: Object.keys(tasks) }),
    status: async () => ({ status: 'Available' as const }),
    class_name: async () => ({ class_name: 'DatalakeService' }),
    health: async () => ({
      status: 'ok',
      database: settings.databaseName,
      default_mount: store.defaultMount,
    }),
    summary: async (_input, options) => {
      const counts = await countsOf(records, options)
      const pairs = Object.entries(counts).map(([name, count]) => `${name}=${count}`)
      const place = [`database=${settings.databaseName}`, `default_mount=${store.defaultMount}`]
      return { summary: `AsyncDatalake(${[...place, ...pairs].join(', ')})` }
    },
    mounts: async () => ({
      default_mount: store.defaultMount,
      mounts: store.mounts().map(({ name, location, readOnly, settings }) => ({
        name,
        read_only: readOnly,
        backend: location,
        version_objects: settings.versionObjects,
        mutable: settings.mutable,
        version_digits: settings.versionDigits,
      })),
    }),
    'datalake.wipe': async (input, options) => {
      const { delete_payloads, delete_metadata, clear_registry_metadata } = input
      if (!delete_payloads && !delete_metadata) {
        throw new MindtraceError(
          'INVALID_INPUT',
          'delete_payloads and delete_metadata are both false: nothing would be wiped',
        )
      }
      if (!settings.allowWipe) {
        throw new MindtraceError(
          'FORBIDDEN',
          'datalake.wipe deletes everything and is switched off; start with --allow-destructive to serve it',
        )
      }
      // Records go first: bytes without a record are garbage, a record without bytes is a loss.
      if (delete_metadata) {
        // Not the database's own `drop`: keys and audit log stay, or a wipe would open the lake to everybody.
        for (const name of contentNames) await records[name].deleteMany({}, options)
        manifests.clear()
      }
      return {
        database: settings.databaseName,
        deleted_payloads: delete_payloads,
        deleted_metadata: delete_metadata,
        clear_registry_metadata,
        cleared_mounts: delete_payloads
          ? await clearMounts(parts, clear_registry_metadata, options)
          : [],
      }
    },
    'lake.stats': async (_input, options) => ({
      database: settings.databaseName,
      default_mount: store.defaultMount,
      ...(await totalsOf(records, options)),
    }),
  } satisfies Handlers
}

async function clearMounts(
  { store }: LakeParts,
  withMetadata: boolean,
  options: CallOptions,
): Promise<string[]> {
  const cleared: string[] = []
  for (const { name, readOnly } of store.mounts()) {
    if (readOnly) continue
    const registry = store.registry(name)
    for (;;) {
      const objects = await firstOf(registry.list(options), 1000)
      if (objects.length === 0) break
      await mapBounded(objects, 8, (object) => registry.delete(object, options), options)
    }
    if (withMetadata) await registry.forgetMaterializers(options)
    cleared.push(name)
  }
  return cleared
}

async function firstOf<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const first: T[] = []
  for await (const item of items) {
    first.push(item)
    if (first.length === count) break
  }
  return first
}
