import fc from 'fast-check'
import { Query } from 'mingo'
import { expect, test } from 'vitest'
import { aFilter, aThing, Things } from '../../testing/random-filters.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

test('finds what another implementation of the query language finds', async () => {
  await using database = await openSqliteDatabase({ path: ':memory:' })
  await database.init([Things])
  const things = database.repository(Things)
  const property = fc.asyncProperty(
    fc.array(aThing, { minLength: 1, maxLength: 8 }),
    fc.array(aFilter, { minLength: 1, maxLength: 8 }),
    async (documents, filters) => {
      await things.deleteMany({})
      const named = documents.map((fields, at) => ({ ...fields, thing_id: `thing_${at}` }))
      await things.insertMany(named)
      for (const wanted of filters) {
        const query = new Query(wanted as Record<string, unknown>)
        const expected = named.filter((one) => query.test(one)).map(({ thing_id }) => thing_id)
        const found = await things.find(wanted, { fields: ['thing_id'] })
        expect(
          found.map(({ thing_id }) => thing_id),
          JSON.stringify(wanted),
        ).toEqual(expected)
      }
    },
  )
  await fc.assert(property, { numRuns: 400 })
})
