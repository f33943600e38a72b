import { readFileSync } from 'node:fs'
import { type Logger, silentLogger } from '@mindtrace/core'
import type { Database } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { mongoPlace } from '@mindtrace/database/testing'
import mongoose from 'mongoose'
import { describe, expect, test, vi } from 'vitest'
import { collectionItems, collections } from './collections.ts'
import { lakeCollections } from './records.ts'

const { EJSON } = mongoose.mongo.BSON
const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

interface Golden {
  readonly lake: string
  readonly collection: string
  readonly document: object
}

interface IndexSpec {
  readonly name: string
  readonly key: Readonly<Record<string, unknown>>
  readonly unique?: boolean
}

const golden = fixture('golden-documents.jsonl')
  .trim()
  .split('\n')
  .map((line) => EJSON.parse(line, { relaxed: false }) as Golden)
const goldenIndexes = EJSON.parse(fixture('golden-indexes.json')) as Readonly<
  Record<string, readonly IndexSpec[]>
>
const shared = lakeCollections.filter(({ name }) => name in goldenIndexes)

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')
}

interface Opened extends AsyncDisposable {
  readonly address: string
  readonly database: Database
  readonly raw: mongoose.mongo.Db
}

async function opened(
  prepare: (raw: mongoose.mongo.Db) => Promise<void> = async () => {},
  log: Logger = silentLogger,
) {
  await using stack = new AsyncDisposableStack()
  const { address } = stack.use(mongoPlace(server))
  const connection = await mongoose.createConnection(address).asPromise()
  stack.defer(() => connection.close())
  const raw = connection.getClient().db(connection.name)
  await prepare(raw)
  const database = stack.use(await openMongoDatabase({ url: address, log }))
  await database.init(lakeCollections)
  const kept = stack.move()
  return {
    address,
    database,
    raw,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  } satisfies Opened
}

/** Documents as they lie there, types and order of fields included. */
async function stored(raw: mongoose.mongo.Db, name: string): Promise<string[]> {
  const documents = await raw
    .collection(name)
    .find({}, { promoteValues: false, sort: { _id: 1 } })
    .toArray()
  return documents.map((document) => EJSON.stringify(document, { relaxed: false }))
}

/** The document of lake c whose status Python let a caller make up. */
const poisoned = 'collection_94753efdd56340dba055e341ec051ab3'

function idIn(text: string): string | undefined {
  return /^\{"_id":\{"\$oid":"([0-9a-f]{24})"\}/.exec(text)?.[1]
}

function withoutId(text: string): string {
  return text.replace(/"_id":\{"\$oid":"[0-9a-f]{24}"\},/, '')
}

describe.skipIf(server === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  describe('documents of the Python reference', () => {
    test.each(['a', 'b', 'c'])(
      'of lake %s are read, and written back byte for byte',
      async (lake) => {
        await using python = await opened(async (raw) => {
          for (const one of golden.filter((each) => each.lake === lake)) {
            await raw.collection<object>(one.collection).insertOne({ ...one.document })
          }
        })
        await using ours = await opened()
        for (const collection of shared) {
          const theirs = await stored(python.raw, collection.name)
          const sound = theirs.filter((text) => !text.includes('"bogus"'))
          const read = await python.database.repository(collection).find({})
          expect(read.map(({ _id }) => _id)).toEqual(sound.map(idIn))
          const { duplicates } = await ours.database.repository(collection).insertMany(read)
          const repeated = new Set(duplicates.map(({ index }) => index))
          expect((await stored(ours.raw, collection.name)).map(withoutId)).toEqual(
            sound.filter((_, at) => !repeated.has(at)).map(withoutId),
          )
          // Whatever we write is read without asking the schema, which would take most of a page's time.
          const asked = vi.spyOn(collection, 'accept')
          await ours.database.repository(collection).find({})
          expect(asked).not.toHaveBeenCalled()
          asked.mockRestore()
          await python.database.repository(collection).upsertMany(read)
          expect(await stored(python.raw, collection.name)).toEqual(theirs)
        }
      },
    )

    test('that break our rules are told of, and stop nothing', async () => {
      const warnings: string[] = []
      const log = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
      await using python = await opened(async (raw) => {
        for (const one of golden) {
          if (one.lake === 'a' || (one.lake === 'c' && one.collection === 'datalake_collections'))
            await raw.collection<object>(one.collection).insertOne({ ...one.document })
        }
      }, log)
      const items = python.database.repository(collectionItems)
      const [first, , again] = await items.find({}, { sort: ['added_at'] })
      expect([first?.collection_id, first?.asset_id]).toEqual([
        again?.collection_id,
        again?.asset_id,
      ])
      const { _id, ...fresh } = { ...(first as NonNullable<typeof first>) }
      await expect(items.insert({ ...fresh, collection_item_id: 'new' })).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { on: 'mt_collection_asset', value: [fresh.collection_id, fresh.asset_id] },
      })
      const other = { ...fresh, collection_item_id: 'other', asset_id: 'asset_other' }
      await items.insert(other)
      await expect(
        python.raw
          .collection('datalake_collection_items')
          .insertOne({ ...other, collection_item_id: 'by Python' }),
      ).rejects.toMatchObject({ code: 11000 })
      await items.update(fresh.collection_item_id, { set: { split: 'test' } })
      await expect(
        items.update('other', { set: { asset_id: fresh.asset_id } }),
      ).rejects.toMatchObject({ code: 'DUPLICATE' })
      await expect(python.database.repository(collections).get(poisoned)).rejects.toMatchObject({
        code: 'CORRUPT',
        message: expect.stringContaining(poisoned),
      })
      expect((await python.database.check()).toSorted()).toEqual([
        expect.stringContaining('mt_collection_asset'),
        expect.stringContaining(poisoned),
      ])
      expect(warnings).toContainEqual(expect.stringContaining('mt_collection_asset'))
      // Once nothing breaks it any more, the index is what it should be.
      await items.delete(fresh.collection_item_id)
      await using later = await openMongoDatabase({ url: python.address })
      await later.init(lakeCollections)
      const indexes = await python.raw.collection('datalake_collection_items').indexes()
      expect(indexes.find(({ name }) => name === 'mt_collection_asset')).toMatchObject({
        unique: true,
      })
      expect(indexes.map(({ name }) => name)).not.toContain('mt_collection_asset_new')
    })

    test('keep what we do not know of them when we change them', async () => {
      const document = golden.find(({ collection }) => collection === 'datalake_assets')?.document
      await using python = await opened(async (raw) => {
        await raw
          .collection<object>('datalake_assets')
          .insertOne({ ...document, ...{ future: { field: 1 } } })
      })
      const assets = shared.find(({ name }) => name === 'datalake_assets')
      if (assets === undefined) throw new Error('there is no collection of assets')
      const repository = python.database.repository(assets)
      const [asset] = await repository.find({})
      expect(asset).not.toHaveProperty('future')
      await repository.upsertMany([asset])
      await repository.update(assets.keyOf(asset as object), {
        set: { metadata: { 'a.b': 5_000_000_000 } } as object,
      })
      const [text = ''] = await stored(python.raw, assets.name)
      expect(text).toContain('"future":{"field":{"$numberInt":"1"}}')
      expect(text).toContain('"metadata":{"a.b":{"$numberLong":"5000000000"}}')
    })
  })

  describe('indexes', () => {
    test('of the reference are among ours, with its keys and names', async () => {
      await using lake = await opened()
      await expectIndexes(lake.raw)
    })

    test('of the reference may be there first, and stay as they are', async () => {
      await using lake = await opened(makeGoldenIndexes)
      await expectIndexes(lake.raw)
    })

    test('of ours let the reference make its own afterwards', async () => {
      await using lake = await opened()
      await makeGoldenIndexes(lake.raw)
      await expectIndexes(lake.raw)
    })
  })
})

async function makeGoldenIndexes(raw: mongoose.mongo.Db): Promise<void> {
  for (const [name, indexes] of Object.entries(goldenIndexes)) {
    const own = indexes.filter((index) => index.name !== '_id_')
    await raw.collection(name).createIndexes(
      own.map(({ key, name: indexName, unique }) => ({
        key: key as Record<string, 1 | -1>,
        name: indexName,
        ...(unique === undefined ? {} : { unique }),
      })),
    )
  }
}

async function expectIndexes(raw: mongoose.mongo.Db): Promise<void> {
  for (const { name } of shared) {
    const found = await raw.collection(name).listIndexes().toArray()
    const plain = found.map(({ key, name: indexName, unique }) => ({
      key,
      name: indexName,
      unique,
    }))
    for (const { key, name: indexName, unique } of goldenIndexes[name] ?? []) {
      expect(plain).toContainEqual({ key, name: indexName, unique })
    }
  }
}
