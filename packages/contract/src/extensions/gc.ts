import { z } from 'zod'
import { task } from '../tasks/task.ts'

const daySeconds = 24 * 3600

export const LakeGcInput = z
  .object({
    /** Only says what would be removed. */
    dry_run: z.boolean().default(false),
    /** What was stored or touched since is left alone: somebody may be about to refer to it. */
    older_than_seconds: z
      .int()
      .min(3600)
      .max(3650 * daySeconds)
      .default(7 * daySeconds),
    /** At most this many of what was found are listed; all are counted. */
    sample_limit: z.int().min(0).max(1000).default(100),
  })
  .meta({ id: 'LakeGcInput' })

/**
 * Something that nothing refers to. `object`: stored by an ingest whose records never came, or are gone.
 * `leftover`: bytes of no object, as crashed writers and uploads leave them.
 */
export const LakeGarbage = z
  .object({
    kind: z.enum(['object', 'leftover']),
    mount: z.string(),
    /** `name@version` of an object, the mount's own key of a leftover. */
    name: z.string(),
    size_bytes: z.int(),
  })
  .meta({ id: 'LakeGarbage' })
export type LakeGarbage = z.infer<typeof LakeGarbage>

const Found = z.object({ count: z.int(), bytes: z.int() })

export const LakeGcOutput = z
  .object({
    dry_run: z.boolean(),
    older_than_seconds: z.int(),
    /** Removed, or found by a dry run. */
    count: z.int(),
    bytes: z.int(),
    mounts: z.array(
      z.object({
        mount: z.string(),
        /** Read-only mounts, plain ones among them, are never touched. */
        skipped: z.boolean(),
        objects: Found,
        leftovers: Found,
      }),
    ),
    found: z.array(LakeGarbage),
  })
  .meta({ id: 'LakeGcOutput' })
export type LakeGcOutput = z.infer<typeof LakeGcOutput>

export const gcTasks = {
  'lake.gc': task({
    summary:
      'Removes payloads that no record refers to and what crashed writers left, once they are old enough.',
    input: LakeGcInput,
    output: LakeGcOutput,
    needs: 'admin',
  }),
} as const
