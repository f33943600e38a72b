import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { MemoryMount } from '@mindtrace/registry/memory'
import { expect, test } from 'vitest'
import { aCollection, aDatum, anAsset, anImage, aRecord } from './testing/builders.ts'
import { openLakeOver } from './testing/local-lakes.ts'

async function openOver(path: string) {
  const mounts = { main: new MemoryMount(), other: new MemoryMount() }
  return await openLakeOver({ database: await openSqliteDatabase({ path }), mounts })
}

/** Builds an index over another field than it says, as a fault of the disk or of SQLite might. */
function falsify(path: string, index: string, field: string, other: string): void {
  const database = new DatabaseSync(path, { defensive: false })
  const rename = (from: string, to: string) => {
    database.exec('PRAGMA writable_schema = ON')
    database
      .prepare('UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?')
      .run(from, to, index)
    database.exec('PRAGMA writable_schema = RESET')
  }
  rename(`"${field}"`, `"${other}"`)
  database.exec(`REINDEX "${index}"`)
  rename(`"${other}"`, `"${field}"`)
  database.close()
}

test('verify tells which of the kept counts is not that of the records', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lake.db')
  await using lake = await openOver(path)
  await aRecord(lake, { label: 'car' })
  await aDatum(lake)
  const wrongTotals = async () => {
    const { issues } = await lake.lake.verify({})
    const wrong = issues.filter(({ kind }) => kind === 'wrong_total')
    return Object.fromEntries(wrong.map(({ id, message }) => [id, message]))
  }
  expect(await wrongTotals()).toEqual({})
  const database = new DatabaseSync(path)
  database.exec(`UPDATE "datalake_annotation_records#" SET n = 2 WHERE value = 'car'`)
  database.exec(`UPDATE "datalake_datums#" SET value = 'train' WHERE path = 'split'`)
  database.close()
  expect(await lake.lake.facets({ resource: 'annotation_records', by: 'label' })).toMatchObject({
    values: [{ value: 'car', count: 2 }],
  })
  expect(await wrongTotals()).toEqual({
    'annotation_records.label = "car"': 'the database says 2, its documents give 1',
    'datums.split = "train"': 'the database says 1, its documents give 0',
    'datums.split = null': 'the database says 0, its documents give 1',
  })
})

test('the totals of a lake are read from indexes, and verify tells when they are not those of the records', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lake.db')
  {
    await using lake = await openOver(path)
    await anImage(lake)
    await anAsset(lake, { kind: 'mask', size_bytes: 5 })
    await aCollection(lake)
  }
  falsify(path, 'datalake_assets.mt_status_totals', 'payload_size_bytes', 'kind')
  await using lake = await openOver(path)
  expect(await lake.lake.stats()).toMatchObject({
    payload_bytes: 0,
    counts: { assets: 2, collections: 1 },
    asset_kinds: { image: 1, mask: 1 },
  })
  const { ok, issues } = await lake.lake.verify({})
  expect(ok).toBe(false)
  expect(issues.filter(({ kind }) => kind === 'wrong_total')).toEqual([
    {
      kind: 'wrong_total',
      id: 'payload_bytes',
      message: 'the database says 0, its documents give 5',
    },
  ])
})
