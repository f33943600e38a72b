import fc from 'fast-check'
import mongoose from 'mongoose'
import { describe, expect, test } from 'vitest'
import { type Keyset, keysetOf } from '../../page.ts'
import { mongoPlace } from '../../testing/mongo-place.ts'
import { aFilter, aThing, Things } from '../../testing/random-filters.ts'
import { openSqliteDatabase } from '../sqlite/sqlite-database.ts'
import { openMongoDatabase } from './mongo-database.ts'

const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

/** A filter as a caller of the bare driver writes it: with dates for the one path that holds instants. */
function bare(filter: unknown, path = ''): unknown {
  if (Array.isArray(filter)) return filter.map((one) => bare(one, path))
  if (typeof filter === 'string') return path === 'at' ? new Date(filter) : filter
  if (typeof filter !== 'object' || filter === null) return filter
  return Object.fromEntries(
    Object.entries(filter).map(([name, one]) => [
      name,
      bare(one, name.startsWith('$') ? path : name),
    ]),
  )
}

/** A collection, and the same one as the bare driver has it. */
async function openBoth() {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(mongoPlace(server))
  const database = stack.use(await openMongoDatabase({ url: place.address }))
  await database.init([Things])
  const connection = stack.adopt(
    await mongoose.createConnection(place.address).asPromise(),
    (one) => one.close(),
  )
  const raw = connection.getClient().db(connection.name).collection(Things.name)
  const kept = stack.move()
  return {
    things: database.repository(Things),
    raw,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const sortable = ['text', 'amount', 'flag', 'at', 'subject.kind', 'subject.id'] as const
/** One to three fields in either direction, then the key. */
const aSort = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom(...sortable), { minLength: 1, maxLength: 3 }),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  )
  .map(([fields, falling]) =>
    [...fields, 'thing_id'].map((field, index) => (falling[index] ? `-${field}` : field)),
  )

describe.skipIf(server === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  test('finds and counts what MongoDB finds by the same filter, as SQLite does', async () => {
    await using both = await openBoth()
    const { things, raw } = both
    await using embedded = await openSqliteDatabase({ path: ':memory:' })
    await embedded.init([Things])
    const inSqlite = embedded.repository(Things)
    const property = fc.asyncProperty(
      fc.array(aThing, { minLength: 1, maxLength: 8 }),
      fc.array(aFilter, { minLength: 1, maxLength: 8 }),
      async (documents, filters) => {
        await things.deleteMany({})
        await inSqlite.deleteMany({})
        const named = documents.map((fields, at) => ({ ...fields, thing_id: `t${at}` }))
        await things.insertMany(named)
        await inSqlite.insertMany(named)
        const some = named.map(({ thing_id }) => thing_id).filter((_, at) => at % 2 === 0)
        const amongSome = filters.map((filter) => ({ ...filter, thing_id: { $in: some } }))
        for (const filter of [...filters, ...amongSome]) {
          const theirs = await raw.find(bare(filter) as object, { sort: { _id: 1 } }).toArray()
          const ours = await things.find(filter, { fields: ['thing_id'] })
          const ids = ours.map(({ thing_id }) => thing_id)
          expect(ids, JSON.stringify(filter)).toEqual(theirs.map(({ thing_id }) => thing_id))
          expect(await things.count(filter)).toBe(ids.length)
          const alike = await inSqlite.find(filter, { fields: ['thing_id'] })
          expect(
            alike.map(({ thing_id }) => thing_id),
            JSON.stringify(filter),
          ).toEqual(ids)
        }
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  test('pages through what MongoDB finds and sorts, in its order, whatever the size of a page', async () => {
    await using both = await openBoth()
    const { things, raw } = both
    const property = fc.asyncProperty(
      fc.array(aThing, { minLength: 1, maxLength: 20 }),
      aFilter,
      aSort,
      fc.integer({ min: 1, max: 7 }),
      async (documents, filter, sort, limit) => {
        await things.deleteMany({})
        await things.insertMany(documents.map((fields, at) => ({ ...fields, thing_id: `t${at}` })))
        const order = Object.fromEntries(
          sort.map((field) => (field.startsWith('-') ? [field.slice(1), -1] : [field, 1])),
        ) as Record<string, 1 | -1>
        const theirs = await raw.find(bare(filter) as object, { sort: order }).toArray()
        const seen: string[] = []
        for (let after: Keyset | undefined; ; ) {
          const page = await things.find(filter, { sort, limit, after })
          seen.push(...page.map(({ thing_id }) => thing_id))
          const last = page.at(-1)
          if (page.length < limit || last === undefined) break
          // Through JSON, as a cursor travels.
          after = JSON.parse(JSON.stringify(keysetOf(Things, sort, last)))
        }
        const wanted = theirs.map(({ thing_id }) => thing_id)
        expect(seen, JSON.stringify({ filter, sort, limit })).toEqual(wanted)
      },
    )
    await fc.assert(property, { numRuns: 200 })
  })
})
