import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Scalar, valueAt } from '../../paths.ts'
import {
  allOf,
  type DatabaseUnderTest,
  type OpenedDatabase,
  opened,
} from '../database-under-test.ts'
import { aPhoto, type Photo, Photos, photoId } from '../photo.ts'

type Write = (photos: OpenedDatabase['photos']) => Promise<unknown>

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2 })
const number = fc.integer({ min: 1, max: 12 })
const numbers = fc.uniqueArray(number, { minLength: 1 })
const state: fc.Arbitrary<Partial<Photo>> = fc.record({
  status: fc.constantFrom('pending', 'claimed', 'done'),
  split: maybe(fc.constantFrom('', 'train', 'val', '1', "o'k")),
  hidden: fc.boolean(),
  views: fc.integer({ min: 0, max: 2 }),
  camera: maybe(fc.record({ maker: fc.constant('m'), model: maybe(fc.constantFrom('a', '1')) })),
  lease_expires_at: maybe(fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z')),
})

function writeOf<T>(arguments_: fc.Arbitrary<T>, write: (given: T) => Write): fc.Arbitrary<Write> {
  return arguments_.map(write)
}

const aWrite = fc.oneof(
  writeOf(
    fc.tuple(numbers, state),
    ([of, fields]) =>
      (photos) =>
        photos.insertMany(of.map((one) => aPhoto(one, fields))),
  ),
  writeOf(
    fc.tuple(numbers, state),
    ([of, fields]) =>
      (photos) =>
        photos.upsertMany(of.map((one) => aPhoto(one, fields))),
  ),
  writeOf(fc.tuple(numbers, state), ([of, set]) => async (photos) => {
    const there = await photos.getMany(of.map(photoId))
    for (const key of there.keys()) await photos.update(key, { set })
  }),
  writeOf(number, (one) => async (photos) => {
    const there = await photos.exists({ number: one })
    if (there) await photos.update(photoId(one), { inc: { views: 1 } })
  }),
  writeOf(
    fc.tuple(number, state),
    ([limit, set]) =>
      (photos) =>
        photos.claim({ status: 'pending' }, { set }, { sort: ['number'], limit }),
  ),
  writeOf(numbers, (of) => (photos) => photos.deleteMany({ photo_id: { $in: of.map(photoId) } })),
  writeOf(maybe(fc.constant('train')), (split) => (photos) => photos.deleteMany({ split })),
)

/** Counts of the paths that a collection has counted, whichever way a driver comes by them. */
export function describeCounts(driver: DatabaseUnderTest): void {
  describe('counting', () => {
    test('gives what is there after any writes, also those that were undone', async () => {
      await using lake = await opened(driver)
      const undone = new Error('undone')
      const undo = async (writes: readonly Write[]) => {
        const work = lake.database.transaction(async (tx) => {
          for (const write of writes) await write(tx.repository(Photos))
          throw undone
        })
        await expect(work).rejects.toBe(undone)
      }
      const steps = fc.array(
        fc.record({
          writes: fc.array(aWrite, { minLength: 1, maxLength: 3 }),
          kept: maybe(fc.constant(true)),
        }),
        { maxLength: 6 },
      )
      const property = fc.asyncProperty(steps, async (all) => {
        await lake.photos.deleteMany({})
        for (const { writes, kept } of all) {
          if (kept !== true && lake.database.transactional) await undo(writes)
          else for (const write of writes) await write(lake.photos)
        }
        await expectCounts(lake)
      })
      await fc.assert(property, { numRuns: 25 })
    })
  })
}

/** Expects of each counted path what the documents themselves give. */
async function expectCounts({ photos }: OpenedDatabase): Promise<void> {
  const all = await allOf(photos.stream({}))
  expect(await photos.count()).toBe(all.length)
  for (const { text, segments } of Photos.counted) {
    const counts = new Map<Scalar, number>()
    for (const photo of all) {
      const value = (valueAt(photo, segments) ?? null) as Scalar
      counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    expect(await photos.countBy(text)).toEqual(counts)
    const values = [...counts.keys()]
    for (const value of values)
      expect(await photos.count({ [text]: value })).toBe(counts.get(value))
    const [first, ...others] = values
    if (first === undefined) continue
    const expected = all.length - (counts.get(first) ?? 0)
    expect(await photos.count({ [text]: { $in: others } })).toBe(expected)
  }
}
