import type { LakeGarbage, LakeGcOutput } from '@mindtrace/contract'
import { type CallOptions, toInstant } from '@mindtrace/core'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import { collectObjects } from './collect-objects.ts'

/** An announcement that old is one of a writer that crashed, or that will be refused: see `Announcements.fulfil`. */
const announcedForMs = 24 * 3_600_000
/** A condemnation that old is one of a collection that crashed. */
const condemnedForMs = 3_600_000

/** Removes what nothing refers to. */
export function gcHandlers(parts: LakeParts) {
  const { records, store, clock } = parts
  return {
    'lake.gc': async ({ dry_run, older_than_seconds, sample_limit }, options) => {
      const nowMs = Date.parse(clock.now())
      const olderThanMs = older_than_seconds * 1000
      if (!dry_run) {
        // Before any reference is looked for: a writer whose announcement is gone writes no records.
        const expired = toInstant(new Date(nowMs - Math.max(olderThanMs, announcedForMs)))
        await records.announcedPayloads.deleteMany({ created_at: { $lt: expired } }, options)
        const crashed = toInstant(new Date(nowMs - condemnedForMs))
        await records.condemnedPayloads.deleteMany({ created_at: { $lt: crashed } }, options)
      }
      const found: LakeGarbage[] = []
      const mounts: LakeGcOutput['mounts'] = []
      for (const { name: mount, readOnly } of store.mounts()) {
        const objects = new Sum()
        const leftovers = new Sum()
        const add = (sum: Sum, garbage: LakeGarbage) => {
          sum.add(garbage.size_bytes)
          if (found.length < sample_limit) found.push(garbage)
        }
        mounts.push({ mount, skipped: readOnly, objects, leftovers })
        if (readOnly) continue
        const registry = store.registry(mount)
        const writtenBefore = nowMs - olderThanMs
        const collection = { mount, registry, writtenBefore, dryRun: dry_run }
        for await (const { name, version, sizeBytes } of collectObjects(
          parts,
          collection,
          options,
        )) {
          add(objects, { kind: 'object', mount, name: `${name}@${version}`, size_bytes: sizeBytes })
        }
        const untouchedMs = Math.max(
          olderThanMs,
          await oldestUploadMs(parts, mount, nowMs, options),
        )
        const garbage = registry.collectGarbage({
          ...options,
          olderThanMs: untouchedMs,
          dryRun: dry_run,
        })
        for await (const { key, sizeBytes } of garbage) {
          add(leftovers, { kind: 'leftover', mount, name: key, size_bytes: sizeBytes })
        }
      }
      const sums = mounts.flatMap(({ objects, leftovers }) => [objects, leftovers])
      return {
        dry_run,
        older_than_seconds,
        count: sums.reduce((total, { count }) => total + count, 0),
        bytes: sums.reduce((total, { bytes }) => total + bytes, 0),
        mounts: mounts.map(({ objects, leftovers, ...rest }) => ({
          ...rest,
          objects: { count: objects.count, bytes: objects.bytes },
          leftovers: { count: leftovers.count, bytes: leftovers.bytes },
        })),
        found,
      }
    },
  } satisfies Handlers
}

class Sum {
  count = 0
  bytes = 0

  add(bytes: number): void {
    this.count += 1
    this.bytes += bytes
  }
}

/** The age of the oldest upload to the mount that may still be completed: its bytes are nobody's yet. */
async function oldestUploadMs(
  { records }: LakeParts,
  mount: string,
  nowMs: number,
  options: CallOptions,
): Promise<number> {
  const [oldest] = await records.uploadSessions.find(
    { mount, status: 'pending' },
    { ...options, sort: ['created_at', 'upload_session_id'], limit: 1, fields: ['created_at'] },
  )
  return oldest === undefined ? 0 : nowMs - Date.parse(oldest.created_at) + 1
}
