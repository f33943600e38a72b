import { expect, test } from 'vitest'
import { openSqliteDatabase } from './drivers/sqlite/index.ts'
import { ParsedFilter } from './filter.ts'
import { beyondConditions, keysetOf, planFind, type Sort, unimplied } from './page.ts'
import { aPhoto, Photos } from './testing/photo.ts'

test.each<[string, Sort]>([
  ['ascending', ['split', 'created_at']],
  ['descending', ['-split', '-created_at']],
  ['mixed', ['split', '-score', 'created_at']],
])('one condition means the same as the steps beyond a place, %s', async (_name, sort) => {
  await using database = await openSqliteDatabase({ path: ':memory:' })
  await database.init([Photos])
  const photos = database.repository(Photos)
  const values = [null, 'a', 'b'].flatMap((split) =>
    [null, 1, 2].map((score) => ({ split, score })),
  )
  await photos.insertMany([...values, ...values].map((fields, number) => aPhoto(number, fields)))
  const whole = await photos.find({}, { sort })
  expect(whole).toHaveLength(18)
  for (const [at, photo] of whole.entries()) {
    const after = keysetOf(Photos, sort, photo)
    const plan = planFind(Photos, {}, { sort, after })
    const filter = new ParsedFilter(Photos.name, beyondConditions(plan))
    expect(await photos.find(filter, { sort })).toEqual(whole.slice(at + 1))
    expect(await photos.find({}, { sort, after })).toEqual(whole.slice(at + 1))
  }
})

test('drops what the filter fixes from the order, but for the key', () => {
  const order = (filter: object) =>
    planFind(Photos, filter, { sort: ['split', '-created_at'] }).order.map(({ path }) => path.text)
  expect(order({})).toEqual(['split', 'created_at', 'photo_id'])
  expect(order({ split: 'train' })).toEqual(['created_at', 'photo_id'])
  expect(order({ split: { $in: ['train'] }, created_at: '2026-01-01' })).toEqual(['photo_id'])
  expect(order({ split: { $in: ['train', 'val'] } })).toEqual(['split', 'created_at', 'photo_id'])
  expect(order({ photo_id: 'x', split: null })).toEqual(['created_at', 'photo_id'])
})

test.each<[object, string, number]>([
  [{ created_at: { $lte: '2026-06-01' } }, '2026-01-01', 0],
  [{ created_at: { $lte: '2026-01-01' } }, '2026-01-01', 0],
  [{ created_at: { $lt: '2026-01-01' } }, '2026-01-01', 1],
  [{ created_at: { $lte: '2025-01-01' } }, '2026-01-01', 2],
  [{ created_at: { $gte: '2025-01-01' } }, '2026-01-01', 1],
  [{ title: { $lte: 'x' } }, '2026-01-01', 2],
])('leaves out of %j what a page after %s implies', (filter, created_at, left) => {
  const after = { created_at: `${created_at}T00:00:00.000Z`, photo_id: 'x' }
  const { conditions, beyond = [] } = planFind(Photos, filter, { sort: ['-created_at'], after })
  expect(beyond.flatMap((step) => unimplied(conditions, step))).toHaveLength(left)
})
