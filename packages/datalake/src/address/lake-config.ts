import { parse } from '@mindtrace/contract'
import { z } from 'zod'

/** The name of a mount: a word that keys and addresses can hold. */
export const MountName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use letters, digits, . _ -')

/** `lake.json`: where the records and the payloads of a lake are. */
export const LakeConfig = z.strictObject({
  /** `sqlite:PATH`, relative to the file, or `mongodb://HOST/NAME`. */
  database: z.string().min(1),
  /** Mounts by name: `file:PATH` (relative to the file) or `memory:`, with the parameters of the mount. */
  mounts: z
    .record(MountName, z.string().min(1))
    .refine((mounts) => Object.keys(mounts).length > 0, 'name at least one mount'),
  /** Default: the first mount. */
  default_mount: z.string().optional(),
  /** The lake's name, as provenance records it. Default: the name of the database. */
  name: z.string().min(1).max(128).optional(),
  /**
   * Keeps payloads of object stores on this machine once they were read; a relative folder is one of the
   * file's. Default: the user's folder of caches, and 10 GB. False: nothing is kept.
   */
  cache: z
    .union([
      z.literal(false),
      z.strictObject({
        folder: z.string().min(1).optional(),
        max_bytes: z.int().min(1).optional(),
      }),
    ])
    .optional(),
  slow_operations: z.enum(['allow', 'warn', 'forbid']).optional(),
})
export type LakeConfig = z.infer<typeof LakeConfig>

/** Checks what a `lake.json` holds. @throws `VALIDATION_FAILED` that names the path at fault. */
export function parseLakeConfig(value: unknown, where: string): LakeConfig {
  return parse(LakeConfig, value, where)
}
