import { parseApiKey } from '@mindtrace/contract'
import { expect, it } from 'vitest'
import { aCollection, anAsset } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'

/** Keys: made, listed, revoked; what a wipe leaves of them. */
export function describeKeys(inLake: InLake): void {
  it(
    'makes keys that are told once, lists them and ends them for good',
    inLake(async (lake) => {
      const { collection_id } = await aCollection(lake)
      const first = await lake.keys.create({ name: 'camera 1' })
      expect(first.key).toEqual({
        key_id: parseApiKey(first.api_key)?.keyId,
        name: 'camera 1',
        role: 'reader',
        scopes: { mounts: null, collections: null },
        created_at: expect.any(String),
        expires_at: null,
        revoked_at: null,
        last_used_at: null,
      })
      const second = await lake.keys.create({
        name: 'press',
        role: 'writer',
        scopes: { mounts: ['other'], collections: [collection_id] },
        expires_at: '2999-01-01T00:00:00Z',
      })
      expect(second.key.expires_at).toBe('2999-01-01T00:00:00.000Z')
      expect(second.api_key).not.toBe(first.api_key)
      const listed = await lake.keys.list({})
      expect(listed.keys).toEqual([second.key, first.key])
      const secrets = [first, second].map(({ api_key }) => parseApiKey(api_key)?.secret ?? '')
      for (const secret of secrets) expect(JSON.stringify(listed)).not.toContain(secret)

      const { key } = await lake.keys.revoke({ key_id: first.key.key_id })
      expect(key.revoked_at).not.toBeNull()
      expect(await lake.keys.revoke({ key_id: key.key_id })).toEqual({ key })
      expect((await lake.keys.list({})).keys).toEqual([second.key])
      expect((await lake.keys.list({ include_revoked: true })).keys).toEqual([second.key, key])
    }),
  )

  it(
    'makes no key that opens nothing, and revokes none that is not there',
    inLake(async (lake) => {
      const limited = (scopes: object) => () => lake.keys.create({ name: 'a', scopes } as never)
      await expectRefusals([
        ['VALIDATION_FAILED', () => lake.keys.create({ name: '' })],
        ['VALIDATION_FAILED', () => lake.keys.create({ name: 'a\u001b[31m' })],
        ['VALIDATION_FAILED', () => lake.keys.create({ name: 'a', role: 'root' as never })],
        ['VALIDATION_FAILED', limited({ mounts: [] })],
        [
          'INVALID_INPUT',
          () => lake.keys.create({ name: 'a', expires_at: '2001-01-01T00:00:00Z' }),
        ],
        ['NOT_FOUND', limited({ mounts: ['nowhere'] })],
        ['NOT_FOUND', limited({ collections: ['collection_none'] })],
        ['NOT_FOUND', () => lake.keys.revoke({ key_id: '0123456789abcdef' })],
      ])
      expect((await lake.keys.list({ include_revoked: true })).keys).toEqual([])
    }),
  )

  it(
    'keeps the keys when the lake is wiped',
    inLake(
      async (lake) => {
        await anAsset(lake)
        const { key } = await lake.keys.create({ name: 'admin', role: 'admin' })
        await lake.datalake.wipe({ delete_payloads: false })
        expect((await lake.assets.list({})).assets).toEqual([])
        expect((await lake.keys.list({})).keys).toEqual([key])
      },
      { settings: { allowWipe: true } },
    ),
  )

  it(
    'has nothing in the audit log of a lake that nobody serves',
    inLake(async (lake) => {
      await anAsset(lake)
      expect(await lake.audit.list({})).toEqual({ entries: [], next: null })
      await expectRefusals([['INVALID_CURSOR', () => lake.audit.list({ cursor: 'x' })]])
    }),
  )
}
