import { createHash, randomBytes } from 'node:crypto'
import { type ApiKey, formatApiKey, type KeyRecord, type KeyScopes } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { Handlers, LakeParts } from '../lake-parts.ts'

/** More keys than this are a sign of a program that makes one for every run; each service process holds them all. */
const maxKeys = 1000

/** Keys of a served lake: made, listed, revoked. */
export function keyHandlers(parts: LakeParts) {
  const { records, clock } = parts
  return {
    'keys.create': async ({ name, role, scopes, expires_at }, options) => {
      const now = clock.now()
      if (expires_at !== null && expires_at <= now) {
        throw new MindtraceError('INVALID_INPUT', `expires_at ${expires_at} is in the past`)
      }
      await checkScopes(parts, scopes, options)
      if ((await records.apiKeys.count({ revoked_at: null }, options)) >= maxKeys) {
        throw new MindtraceError(
          'CONFLICT',
          `there are ${maxKeys} keys: revoke those that are not needed`,
        )
      }
      const secret = randomBytes(32).toString('base64url')
      const stored = await records.apiKeys.insert(
        {
          key_id: randomBytes(8).toString('hex'),
          name,
          role,
          scopes,
          created_at: now,
          expires_at,
          revoked_at: null,
          last_used_at: null,
          // A slow hash is for secrets that people choose. 256 random bits can't be guessed, however fast the hash.
          secret_sha256: createHash('sha256').update(secret).digest('hex'),
        },
        options,
      )
      return { key: visible(stored), api_key: formatApiKey(stored.key_id, secret) }
    },
    'keys.list': async ({ include_revoked }, options) => {
      const filter = include_revoked ? {} : { revoked_at: null }
      const found = await records.apiKeys.find(filter, {
        ...options,
        sort: ['-created_at', '-key_id'],
        limit: maxKeys,
      })
      return { keys: found.map(visible) }
    },
    'keys.revoke': async ({ key_id }, options) => ({
      key: visible(await revoke(parts, key_id, options)),
    }),
  } satisfies Handlers
}

/** A second time changes nothing. */
async function revoke({ records, clock }: LakeParts, key: string, options: CallOptions) {
  try {
    return await records.apiKeys.update(
      key,
      { set: { revoked_at: clock.now() } },
      { ...options, if: { revoked_at: null } },
    )
  } catch (error) {
    if (!isMindtraceError(error, 'CONFLICT')) throw error
    return await records.apiKeys.get(key, options)
  }
}

/** @throws `NOT_FOUND` for a mount or collection that is not there: a scope with a slip in it opens nothing. */
async function checkScopes(
  { store, records }: LakeParts,
  { mounts, collections }: KeyScopes,
  options: CallOptions,
): Promise<void> {
  for (const mount of mounts ?? []) store.registry(mount)
  if (collections === null) return
  const found = await records.collections.getMany(collections, options)
  const missing = collections.find((id) => !found.has(id))
  if (missing === undefined) return
  throw new MindtraceError('NOT_FOUND', `there is no collection ${missing}`, {
    details: { collection_id: missing },
  })
}

function visible(record: KeyRecord): ApiKey {
  const { key_id, name, role, scopes, created_at, expires_at, revoked_at, last_used_at } = record
  return { key_id, name, role, scopes, created_at, expires_at, revoked_at, last_used_at }
}
