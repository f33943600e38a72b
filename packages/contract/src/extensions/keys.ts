import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import { task } from '../tasks/task.ts'

/** What a key may do, each role all that the one before it may. */
export const KeyRole = z.enum(['reader', 'writer', 'admin']).meta({ id: 'KeyRole' })
export type KeyRole = z.infer<typeof KeyRole>

const scope = nullable(z.array(z.string().min(1)).min(1).max(100))

/** What a key is limited to; null is no limit. What that means for each task: `taskScopes`. */
export const KeyScopes = z
  .object({
    /** Names of mounts. */
    mounts: scope,
    /** Ids of collections. */
    collections: scope,
  })
  .meta({ id: 'KeyScopes' })
export type KeyScopes = z.infer<typeof KeyScopes>

/** A key as everybody may see it who may see keys: never its secret, nor the hash of it. */
export const ApiKey = z
  .object({
    /** Stands in the key itself: `mtk_<key_id>_<secret>`. */
    key_id: z.string(),
    name: z.string(),
    role: KeyRole,
    scopes: KeyScopes,
    created_at: instant(),
    expires_at: nullable(instant()),
    revoked_at: nullable(instant()),
    /** To within some minutes. */
    last_used_at: nullable(instant()),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.infer<typeof ApiKey>

export const KeysCreateInput = z
  .object({
    /** For people, and for the audit log. */
    name: z
      .string()
      .min(1)
      .max(100)
      // Not as \p{Cc}: it stands in the OpenAPI document, and few other languages have that.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what keeps them out.
      .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/u, 'use no control characters'),
    role: KeyRole.default('reader'),
    scopes: KeyScopes.default({ mounts: null, collections: null }),
    expires_at: nullable(instant()),
  })
  .meta({ id: 'KeysCreateInput' })

export const KeysCreateOutput = z
  .object({
    key: ApiKey,
    /** The key as it is sent. It is told this once: only a hash of it is kept. */
    api_key: z.string(),
  })
  .meta({ id: 'KeysCreateOutput' })

export const KeysListInput = z
  .object({
    /** Whether keys that no longer open anything are listed too. */
    include_revoked: z.boolean().default(false),
  })
  .meta({ id: 'KeysListInput' })

export const KeysListOutput = z.object({ keys: z.array(ApiKey) }).meta({ id: 'KeysListOutput' })

export const KeysRevokeInput = z.object({ key_id: z.string() }).meta({ id: 'KeysRevokeInput' })

export const KeysRevokeOutput = z.object({ key: ApiKey }).meta({ id: 'KeysRevokeOutput' })

/** The keys that open a served lake. */
export const keyTasks = {
  'keys.create': task({
    summary: 'Makes a key. The answer is the only place where it can be read.',
    input: KeysCreateInput,
    output: KeysCreateOutput,
    needs: 'admin',
    statuses: [404, 409],
  }),
  'keys.list': task({
    summary: 'Lists the keys, the newest first, without their secrets.',
    input: KeysListInput,
    output: KeysListOutput,
    reads: true,
    needs: 'admin',
  }),
  'keys.revoke': task({
    summary: 'Ends a key for good; within five seconds everywhere.',
    input: KeysRevokeInput,
    output: KeysRevokeOutput,
    needs: 'admin',
    statuses: [404],
  }),
} as const
