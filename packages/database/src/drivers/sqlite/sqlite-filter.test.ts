import { expect, test } from 'vitest'
import { parseFilter } from '../../filter.ts'
import { Things } from '../../testing/random-filters.ts'
import { compileConditions } from './sqlite-filter.ts'
import { Table } from './sqlite-schema.ts'

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
