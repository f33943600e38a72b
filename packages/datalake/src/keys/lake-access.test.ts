import { createHash } from 'node:crypto'
import { type AuditEntry, parseApiKey } from '@mindtrace/contract'
import type { Database } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { mongoPlace } from '@mindtrace/database/testing'
import { openRegistry, Store } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { describe, expect, test } from 'vitest'
import { type LocalLake, openLocalLake } from '../lake.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

async function lakeOver(database: Database): Promise<LocalLake> {
  const store = new Store({ main: await openRegistry(new MemoryMount()) })
  return await openLocalLake({ database, store, settings: { databaseName: 'test_lake' } })
}

async function sqliteLake(): Promise<LocalLake> {
  return await lakeOver(await openSqliteDatabase({ path: ':memory:' }))
}

async function mongoLake(): Promise<LocalLake> {
  const place = mongoPlace(mongodb)
  const lake = await lakeOver(await openMongoDatabase({ url: place.address }))
  return {
    ...lake,
    [Symbol.asyncDispose]: async () => {
      await lake[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}

function anEntry(index: number, more: Partial<AuditEntry> = {}): AuditEntry {
  return {
    audit_id: `audit_${String(index).padStart(4, '0')}`,
    at: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
    actor: 'local',
    actor_name: null,
    task: 'assets.delete',
    ids: { id: `asset_${index}` },
    outcome: 'done',
    error: null,
    request_id: `request_${index}`,
    ...more,
  }
}

describe.each([
  ['SQLite', sqliteLake, false],
  ['MongoDB (MINDTRACE_TEST_MONGODB_URL)', mongoLake, mongodb === ''],
] as const)('access to a lake on %s', (_name, open, left) => {
  test.skipIf(left)(
    'tells hashes of the keys that count, and whether there ever was one',
    async () => {
      await using lake = await open()
      expect(await lake.access.keys()).toEqual({ required: false, keys: [] })
      const { key, api_key } = await lake.keys.create({ name: 'a' })
      const secret = parseApiKey(api_key)?.secret ?? ''
      const secret_sha256 = createHash('sha256').update(secret).digest('hex')
      expect(await lake.access.keys()).toMatchObject({
        required: true,
        keys: [{ ...key, secret_sha256 }],
      })
      await lake.access.markUsed(
        new Map([
          [key.key_id, '2026-01-01T00:00:00.000Z'],
          ['0123456789abcdef', '2026-01-01T00:00:00.000Z'],
        ]),
      )
      expect((await lake.keys.list({})).keys).toEqual([
        { ...key, last_used_at: '2026-01-01T00:00:00.000Z' },
      ])
      await lake.keys.revoke({ key_id: key.key_id })
      expect(await lake.access.keys()).toEqual({ required: true, keys: [] })
    },
  )

  test.skipIf(left)(
    'lists what was recorded by pages and filters, and forgets the old',
    async () => {
      await using lake = await open()
      const entries = Array.from({ length: 25 }, (_, index) =>
        anEntry(
          index,
          index % 5 === 0 ? { actor: 'k', outcome: 'refused', error: 'FORBIDDEN' } : {},
        ),
      )
      await lake.access.record(entries)
      const newestFirst = entries.toReversed()
      const first = await lake.audit.list({ limit: 20 })
      expect(first.entries).toEqual(newestFirst.slice(0, 20))
      const rest = await lake.audit.list({ limit: 20, cursor: first.next })
      expect(rest).toEqual({ entries: newestFirst.slice(20), next: null })
      const refused = await lake.audit.list({ actor: 'k', outcome: 'refused' })
      expect(refused.entries).toHaveLength(5)
      const between = await lake.audit.list({
        since: entries[3]?.at ?? null,
        until: entries[5]?.at ?? null,
        task: 'assets.delete',
      })
      expect(between.entries).toEqual([entries[4], entries[3]])
      expect((await lake.audit.list({ task: 'none' })).entries).toEqual([])
      expect(await lake.access.forgetBefore(entries[20]?.at ?? '')).toBe(20)
      expect((await lake.audit.list({})).entries).toEqual(newestFirst.slice(0, 5))
    },
  )
})
