import { ApiKey } from '@mindtrace/contract'
import { defineCollection } from '@mindtrace/database'
import { z } from 'zod'

/**
 * The keys that open a served lake, with a hash of the secret of each. Ours alone. A revoked key stays, so that a lake
 * that has had keys never opens to everybody.
 */
export const apiKeys = defineCollection({
  name: 'mt_api_keys',
  schema: ApiKey.extend({ secret_sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  key: 'key_id',
})
