import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Filter } from '../../filter.ts'
import { type Keyset, keysetOf, type Sort } from '../../page.ts'
import {
  allOf,
  type DatabaseUnderTest,
  type OpenedDatabase,
  opened,
} from '../database-under-test.ts'
import { aPhoto, type Photo, Photos } from '../photo.ts'

const sorts: readonly Sort[] = [
  ['-created_at', '-photo_id'],
  ['created_at', 'photo_id'],
  ['split', '-created_at', '-photo_id'],
  ['-split', 'photo_id'],
  ['subject.kind', 'subject.id', '-created_at', '-photo_id'],
  ['-subject.kind', 'subject.id'],
  ['album', '-title', '-photo_id'],
  ['score', '-views'],
  ['-lease_expires_at', 'hidden'],
]

async function pages(
  lake: OpenedDatabase,
  filter: Filter,
  sort: Sort,
  limit: number,
): Promise<Photo[]> {
  const seen: Photo[] = []
  for (let after: Keyset | undefined; ; ) {
    const page = await lake.photos.find(filter, { sort, limit: limit + 1, after })
    const shown = page.slice(0, limit)
    seen.push(...shown)
    const last = shown.at(-1)
    if (page.length <= limit || last === undefined) return seen
    // Through JSON, as a cursor travels.
    after = JSON.parse(JSON.stringify(keysetOf(Photos, sort, last)))
  }
}

/** Sorts and keyset pages. */
export function describePaging(driver: DatabaseUnderTest): void {
  describe('paging', () => {
    test('puts null first ascending and last descending', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([
        aPhoto(1, { split: 'b' }),
        aPhoto(2),
        aPhoto(3, { split: 'a' }),
        aPhoto(4, { subject: { kind: 'asset', id: 'x' } }),
      ])
      const numbers = async (sort: Sort) =>
        (await lake.photos.find({}, { sort })).map(({ number }) => number)
      expect(await numbers(['split', '-created_at'])).toEqual([4, 2, 3, 1])
      expect(await numbers(['-split', 'created_at'])).toEqual([1, 3, 2, 4])
      expect(await numbers(['subject.kind', 'created_at'])).toEqual([1, 2, 3, 4])
      expect(await numbers(['-subject.kind', 'created_at'])).toEqual([4, 1, 2, 3])
    })

    test.each(sorts.map((sort) => [sort.join(', '), sort] as const))(
      'shows each row once across pages of any size, by %s',
      async (_name, sort) => {
        await using lake = await opened(driver)
        const row = fc.record({
          split: fc.constantFrom(null, 'test', 'train'),
          subject: fc.constantFrom(
            null,
            { kind: 'a', id: '1' },
            { kind: 'a', id: '2' },
            { kind: 'b', id: '1' },
          ),
          album: fc.constantFrom('x', 'y'),
          score: fc.constantFrom(null, -1, 0, 0.5),
          views: fc.nat({ max: 2 }),
          hidden: fc.boolean(),
          lease_expires_at: fc.constantFrom(
            null,
            '2026-01-01T00:00:00.000Z',
            '2026-01-02T00:00:00.000Z',
          ),
          created_at: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z'),
        })
        const filter = fc.constantFrom<Filter[]>(
          {},
          { split: 'train' },
          { split: null },
          { 'subject.kind': 'a' },
          { album: 'x' },
          { created_at: { $lte: '2026-01-01T00:00:00.000Z' } },
          { score: { $gt: -1, $lte: 0.5 } },
        )
        const property = fc.asyncProperty(
          fc.array(row, { maxLength: 12 }),
          filter,
          fc.integer({ min: 1, max: 5 }),
          async (rows, where, limit) => {
            await lake.photos.deleteMany({})
            await lake.photos.insertMany(rows.map((fields, number) => aPhoto(number, fields)))
            const whole = await lake.photos.find(where, { sort })
            expect(whole).toHaveLength(await lake.photos.count(where))
            expect(await pages(lake, where, sort, limit)).toEqual(whole)
            expect(await allOf(lake.photos.stream(where, { sort, batchSize: limit }))).toEqual(
              whole,
            )
          },
        )
        await fc.assert(property, { numRuns: 25 })
      },
    )

    test.each([
      ['lacks a field', { created_at: '2026-01-01T00:00:00.000Z' }],
      ['has another field', { created_at: '2026-01-01T00:00:00.000Z', title: 'x' }],
      [
        'has a field too many',
        { created_at: '2026-01-01T00:00:00.000Z', photo_id: 'x', title: 'x' },
      ],
      ['has a wrong type', { created_at: 1, photo_id: 'x' }],
      ['has text that is no instant', { created_at: 'yesterday', photo_id: 'x' }],
      ['has null where none can be', { created_at: null, photo_id: 'x' }],
      ['smuggles an operator', { created_at: { $gt: '' }, photo_id: 'x' }],
    ])('refuses a place that %s', async (_what, after) => {
      await using lake = await opened(driver)
      const page = lake.photos.find({}, { sort: ['-created_at'], after: after as Keyset })
      await expect(page).rejects.toMatchObject({ code: 'INVALID_CURSOR' })
    })

    test('refuses a place without a sort, and sorts by what has no single value', async () => {
      await using lake = await opened(driver)
      await expect(lake.photos.find({}, { after: { photo_id: 'x' } })).rejects.toMatchObject({
        code: 'INVALID_CURSOR',
      })
      for (const path of ['tags', 'metadata', 'metadata.x', 'camera', 'unknown', '$where']) {
        await expect(lake.photos.find({}, { sort: [path] })).rejects.toMatchObject({
          code: 'QUERY_NOT_SUPPORTED',
        })
      }
    })
  })
}
