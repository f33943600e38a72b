import { join } from 'node:path'
import { newToken } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { failingDatabase } from '@mindtrace/database/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openLakeDatabase } from '../address/lake-database.ts'
import { lakeCollections, recordsOf } from '../records/records.ts'
import { ContentHash, contentOf } from './content-hash.ts'
import { copiedCollections, copyRecords } from './copy-records.ts'

const server = process.env.MINDTRACE_TEST_MONGODB_URL

/** A lake's records: so many annotations, in sets of ten. */
async function fill(database: Database, count: number): Promise<void> {
  const records = recordsOf(database)
  const now = '2026-11-24T10:00:00.123Z'
  const id = (prefix: string, number: number) =>
    `${prefix}_${number.toString(16).padStart(32, '0')}`
  const numbers = Array.from({ length: count }, (_, number) => number)
  await records.annotationRecords.insertMany(
    numbers.map((number) => ({
      annotation_id: id('annotation', number),
      kind: 'bbox' as const,
      label: `label_${number % 7}`,
      score: number / 1024,
      source: { type: 'human' as const, name: 'a person' },
      geometry: {
        type: 'bbox',
        x: number,
        y: 0.1,
        width: 3,
        height: 4,
        deep: { 'a.b': [1, null] },
      },
      created_at: now,
      updated_at: now,
    })),
  )
  const sets = numbers.filter((number) => number % 10 === 0)
  await records.annotationSets.insertMany(
    sets.map((number) => ({
      annotation_set_id: id('annotation_set', number),
      name: `ünïcode ${number}`,
      purpose: 'ground_truth' as const,
      source_type: 'human' as const,
      annotation_record_ids: Array.from({ length: 10 }, (_, at) => id('annotation', number + at)),
      created_at: now,
      updated_at: now,
    })),
  )
}

async function contents(database: Database): Promise<string> {
  const records = recordsOf(database)
  const hash = new ContentHash()
  for await (const one of records.annotationRecords.stream({})) hash.add(contentOf(one))
  for await (const one of records.annotationSets.stream({})) hash.add(contentOf(one))
  return `${hash.count} ${hash.hex}`
}

test('covers every collection of a lake, what is referred to first', () => {
  const names = copiedCollections.map(({ name }) => name)
  const ofLake = lakeCollections.map(({ name }) => name)
  const underWay = ['mt_announced_payloads', 'mt_condemned_payloads']
  expect([...names, ...underWay].toSorted()).toEqual(ofLake.toSorted())
  const before = (first: string, second: string) =>
    expect(names.indexOf(first)).toBeLessThan(names.indexOf(second))
  before('datalake_annotation_records', 'datalake_annotation_sets')
  before('datalake_annotation_sets', 'datalake_datums')
  before('datalake_datums', 'datalake_dataset_versions')
  before('mt_manifest_chunks', 'datalake_dataset_versions')
  before('datalake_collections', 'datalake_collection_items')
})

test('copies between files, and a repetition verifies only', async () => {
  await using folder = await temporaryFolder()
  await using from = await openLakeDatabase(`sqlite:${join(folder.path, 'a.db')}`)
  await using to = await openLakeDatabase(`sqlite:${join(folder.path, 'b.db')}`)
  await fill(from, 1200)
  const phases = new Set<string>()
  const options = { onProgress: ({ phase }: { readonly phase: string }) => phases.add(phase) }
  const copied = await copyRecords(from, to, options)
  expect(copied.find((one) => one.collection === 'datalake_annotation_records')).toMatchObject({
    documents: 1200,
    copied: 1200,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect([...phases]).toEqual(['copying', 'verifying'])
  expect(await contents(to)).toBe(await contents(from))
  const again = await copyRecords(from, to)
  expect(again.map((one) => one.copied)).toEqual(copiedCollections.map(() => 0))
})

test('goes on where it was interrupted, and left nothing that refers to what is missing', async () => {
  await using folder = await temporaryFolder()
  await using from = await openLakeDatabase(`sqlite:${join(folder.path, 'a.db')}`)
  await using to = await openLakeDatabase(`sqlite:${join(folder.path, 'b.db')}`)
  await fill(from, 1200)
  let inserts = 0
  const interrupted = failingDatabase(to, ({ method }) =>
    method === 'insertMany' && ++inserts > 2 ? { before: new Error('pulled') } : undefined,
  )
  await expect(copyRecords(from, interrupted)).rejects.toThrow('pulled')
  const records = recordsOf(to)
  expect(await records.annotationRecords.count()).toBe(1000)
  expect(await records.annotationSets.count()).toBe(0)
  const resumed = await copyRecords(from, to)
  expect(resumed.find((one) => one.collection === 'datalake_annotation_records')?.copied).toBe(200)
  expect(await contents(to)).toBe(await contents(from))
})

test('refuses a target with other contents before it writes anything, and one with more', async () => {
  await using folder = await temporaryFolder()
  await using from = await openLakeDatabase(`sqlite:${join(folder.path, 'a.db')}`)
  await using to = await openLakeDatabase(`sqlite:${join(folder.path, 'b.db')}`)
  await fill(from, 100)
  await fill(to, 50)
  const { annotationRecords } = recordsOf(to)
  const [first] = await annotationRecords.find({}, { limit: 1 })
  const key = first?.annotation_id ?? ''
  await annotationRecords.update(key, { set: { label: 'another' } })
  await expect(copyRecords(from, to)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(key),
    details: { keys: [key] },
  })
  expect(await annotationRecords.count()).toBe(50)
  await annotationRecords.update(key, { set: { label: first?.label ?? '' } })
  await copyRecords(from, to)
  await recordsOf(from).annotationRecords.delete(key)
  await expect(copyRecords(from, to)).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { source: { documents: 99 }, target: { documents: 100 } },
  })
})

test('a hash of contents does not depend on order, of documents or fields, and does on all else', () => {
  const hashOf = (documents: readonly object[]) => {
    const hash = new ContentHash()
    for (const one of documents) hash.add(contentOf(one))
    return hash.hex
  }
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 8 }), (all) => {
      const other = all
        .map((one, at) => ({
          ...Object.fromEntries(Object.entries(one).reverse()),
          _id: String(at),
        }))
        .reverse()
      expect(hashOf(other)).toBe(hashOf(all))
      expect(hashOf([...all, { one: 'more' }])).not.toBe(hashOf(all))
    }),
  )
})

test.skipIf(server === undefined)(
  'to MongoDB and back gives the same documents (MINDTRACE_TEST_MONGODB_URL)',
  async () => {
    await using folder = await temporaryFolder()
    const [hosts = '', query = ''] = (server ?? '').split('?')
    const address = `${hosts.replace(/\/$/, '')}/mt_test_copy_${newToken()}?${query}`
    await using from = await openLakeDatabase(`sqlite:${join(folder.path, 'a.db')}`)
    await using back = await openLakeDatabase(`sqlite:${join(folder.path, 'b.db')}`)
    await fill(from, 1200)
    await using mongo = await openMongoDatabase({ url: address })
    await mongo.init(lakeCollections)
    const there = await copyRecords(from, mongo)
    const here = await copyRecords(mongo, back)
    expect(here).toEqual(there)
    expect(await contents(back)).toBe(await contents(from))
    expect((await copyRecords(from, mongo)).every((one) => one.copied === 0)).toBe(true)
    await mongo.drop()
  },
)
