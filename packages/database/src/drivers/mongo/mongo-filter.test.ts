import fc from 'fast-check'
import mongoose from 'mongoose'
import { describe, expect, test } from 'vitest'
import { mongoPlace } from '../../testing/mongo-place.ts'
import { aFilter, aThing, Things } from '../../testing/random-filters.ts'
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

describe.skipIf(server === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  test('finds and counts what MongoDB finds by the same filter', async () => {
    await using place = mongoPlace(server)
    await using database = await openMongoDatabase({ url: place.address })
    await database.init([Things])
    const things = database.repository(Things)
    const connection = await mongoose.createConnection(place.address).asPromise()
    const raw = connection.getClient().db(connection.name).collection(Things.name)
    const property = fc.asyncProperty(
      fc.array(aThing, { minLength: 1, maxLength: 8 }),
      fc.array(aFilter, { minLength: 1, maxLength: 8 }),
      async (documents, filters) => {
        await things.deleteMany({})
        await things.insertMany(documents.map((fields, at) => ({ ...fields, thing_id: `t${at}` })))
        for (const filter of filters) {
          const theirs = await raw.find(bare(filter) as object, { sort: { _id: 1 } }).toArray()
          const ours = await things.find(filter, { fields: ['thing_id'] })
          const ids = ours.map(({ thing_id }) => thing_id)
          expect(ids, JSON.stringify(filter)).toEqual(theirs.map(({ thing_id }) => thing_id))
          expect(await things.count(filter)).toBe(ids.length)
        }
      },
    )
    try {
      await fc.assert(property, { numRuns: 200 })
    } finally {
      await connection.close()
    }
  })
})
