import fc from 'fast-check'
import { Query } from 'mingo'
import { expect, test } from 'vitest'
import { parseFilter } from '../../filter.ts'
import { aFilter, aThing, Things } from '../../testing/random-filters.ts'
import { openSqliteDatabase } from './sqlite-database.ts'
import { compileConditions } from './sqlite-filter.ts'
import { Table } from './sqlite-schema.ts'

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
      const some = named.map(({ thing_id }) => thing_id).filter((_, at) => at % 2 === 0)
      const amongSome = filters.map((filter) => ({ ...filter, thing_id: { $in: some } }))
      for (const wanted of [...filters, ...amongSome]) {
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

test('leads by keys where they are named, whatever else has an index', () => {
  const table = new Table(Things)
  const compiled = (filter: object) =>
    compileConditions(table, parseFilter(Things, filter).conditions).text
  expect(compiled({ text: 'a' })).toBe(`((doc ->> '$."text"') = ?)`)
  expect(compiled({ thing_id: 'thing_1', text: 'a', tags: 'b' })).toBe(
    `((doc ->> '$."thing_id"') = ?) AND ((+(doc ->> '$."text"')) = ?)` +
      ' AND (+id IN (SELECT row FROM "things.tags" WHERE value = ?))',
  )
})

test('sums are read from an index that holds all they need, unless conditions lead to a part of the documents', () => {
  const table = new Table(Things)
  const amount = Things.path('amount')
  const readFor = (filter: object) => table.readFor(amount, parseFilter(Things, filter).conditions)
  const fromIndex = '"things" INDEXED BY "things.text_1_amount_-1"'
  expect(readFor({})).toBe(fromIndex)
  expect(readFor({ amount: { $gt: 1 } })).toBe(fromIndex)
  expect(readFor({ text: { $ne: 'a' } })).toBe(fromIndex)
  for (const filter of [
    { text: 'a' },
    { thing_id: { $in: ['a', 'b'] } },
    { flag: true },
    { amount: { $exists: true } },
    { $or: [{ amount: 1 }, { amount: 2 }] },
  ]) {
    expect(readFor(filter)).toBe('"things"')
  }
  expect(table.readFor(Things.path('metadata.indexed'), [])).toBe('"things"')
})
