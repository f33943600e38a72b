import { describe, expect, test } from 'vitest'
import type { Filter } from '../../filter.ts'
import { type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { aPhoto } from '../photo.ts'

const documents = [
  aPhoto(1, {
    split: 'train',
    score: 0.5,
    hidden: true,
    tags: ['a', 'b'],
    notes: ['n'],
    files: { raw: 'file_1', thumb: 'file_2' },
    links: { self: 'link_1' },
    subject: { kind: 'asset', id: 'asset_1' },
    camera: { maker: 'Leica', model: null },
    metadata: {
      origin: { asset_id: 'asset_9', lake_id: 'lake_1' },
      v: 1,
      list: ['x', 1, true],
      boxes: [{ label: 'a', sizes: [1, 9] }, { label: 'b' }],
    },
    lease_expires_at: '2026-01-01T00:00:00.000Z',
  }),
  aPhoto(2, {
    split: 'val',
    score: 2,
    tags: ['b'],
    files: { raw: 'file_2' },
    links: { self: 'link_1', next: 'link_2' },
    camera: { maker: 'Canon', model: '5D' },
    metadata: { origin: { asset_id: 'asset_9', lake_id: 'lake_2' }, v: true, list: [], boxes: [5] },
    lease_expires_at: '2026-06-01T00:00:00.000Z',
  }),
  aPhoto(3, { metadata: { v: '1', list: 'x', text: '["x",1,true]' } }),
  aPhoto(4, { split: 'train', score: 0, metadata: { v: null, list: null, 'odd key': "it's" } }),
]

const meanings: readonly (readonly [string, Filter, readonly number[]])[] = [
  ['everything', {}, [1, 2, 3, 4]],
  ['equality', { split: 'train' }, [1, 4]],
  ['all members', { split: 'train', hidden: true }, [1]],
  ['a nested path', { 'subject.kind': 'asset', 'subject.id': 'asset_1' }, [1]],
  [
    'a free path',
    { 'metadata.origin.asset_id': 'asset_9', 'metadata.origin.lake_id': 'lake_2' },
    [2],
  ],
  ['an odd segment', { 'metadata.odd key': "it's" }, [4]],
  ['null as null or absent', { split: null }, [3]],
  ['null below an absent object', { 'camera.model': null }, [1, 3, 4]],
  ['null on a free path', { 'metadata.v': null }, [4]],
  ['not null', { split: { $ne: null } }, [1, 2, 4]],
  ['an indexed array that contains', { tags: 'b' }, [1, 2]],
  ['an array that contains', { notes: 'n' }, [1]],
  ['an array that contains one of', { tags: { $in: ['a', 'z'] } }, [1]],
  ['an array that does not contain', { tags: { $ne: 'a' } }, [2, 3, 4]],
  ['an array that contains none of', { tags: { $nin: ['a', 'b'] } }, [3, 4]],
  ['an indexed map one of whose values is', { 'files.*': 'file_2' }, [1, 2]],
  ['a map one of whose values is', { 'links.*': 'link_2' }, [2]],
  ['a map one of whose values is one of', { 'files.*': { $in: ['file_1', 'x'] } }, [1]],
  ['a map none of whose values is', { 'files.*': { $ne: 'file_1' } }, [2, 3, 4]],
  ['one key of a map', { 'files.raw': 'file_2' }, [2]],
  ['a free array that contains', { 'metadata.list': 'x' }, [1, 3]],
  ['a free array that contains true', { 'metadata.list': true }, [1]],
  ['a range in a free array', { 'metadata.list': { $gte: 1 } }, [1]],
  ['an object of a free array', { 'metadata.boxes.label': 'b' }, [1]],
  ['an array in an object of an array', { 'metadata.boxes.sizes': { $gt: 1 } }, [1]],
  ['null in one of the objects of an array', { 'metadata.boxes.sizes': null }, [1, 3, 4]],
  ['no object of an array', { 'metadata.boxes.label': { $exists: false } }, [2, 3, 4]],
  ['number, not text, not true', { 'metadata.v': 1 }, [1]],
  ['true, not 1', { 'metadata.v': true }, [2]],
  ['text, not number', { 'metadata.v': '1' }, [3]],
  ['text that looks like a list', { 'metadata.text': '["x",1,true]' }, [3]],
  ['a list that looks like text', { 'metadata.list': '["x",1,true]' }, []],
  ['types mixed in a list', { 'metadata.v': { $in: [1, true, null] } }, [1, 2, 4]],
  ['a boolean', { hidden: false }, [2, 3, 4]],
  ['$eq', { split: { $eq: 'val' } }, [2]],
  ['$ne matches absent', { 'metadata.v': { $ne: 1 } }, [2, 3, 4]],
  ['$in with null', { split: { $in: ['val', null] } }, [2, 3]],
  ['$in of nothing', { split: { $in: [] } }, []],
  ['$nin of nothing', { split: { $nin: [] } }, [1, 2, 3, 4]],
  ['$nin', { split: { $nin: ['train', null] } }, [2]],
  ['a range', { score: { $gt: 0, $lte: 2 } }, [1, 2]],
  ['a range of text', { title: { $gte: 'Photo 3' } }, [3, 4]],
  ['a range on a free path: numbers only', { 'metadata.v': { $gte: 0 } }, [1]],
  ['a range on a free path: text only', { 'metadata.v': { $gte: '' } }, [3]],
  ['$exists', { 'metadata.v': { $exists: true } }, [1, 2, 3, 4]],
  ['$exists false', { 'metadata.text': { $exists: false } }, [1, 2, 4]],
  ['$exists on null', { split: { $exists: true } }, [1, 2, 3, 4]],
  ['an instant', { lease_expires_at: '2026-01-01T00:00:00.000Z' }, [1]],
  ['an instant in another zone', { lease_expires_at: '2026-01-01T01:00:00+01:00' }, [1]],
  ['an instant without a zone', { lease_expires_at: { $lte: '2026-01-01 00:00:00' } }, [1]],
  ['a range of instants', { lease_expires_at: { $gt: '2026-01-01T00:00:00Z' } }, [2]],
  ['$or', { $or: [{ split: 'val' }, { score: 0 }] }, [2, 4]],
  ['$and', { $and: [{ split: 'train' }, { score: { $gte: 0.5 } }] }, [1]],
  ['nested', { $or: [{ $and: [{ split: 'train' }, { hidden: true }] }, { number: 3 }] }, [1, 3]],
  ['members beside $or', { split: 'train', $or: [{ score: 0 }, { score: 2 }] }, [4]],
  ['an empty filter within $or', { $or: [{}, { number: 1 }] }, [1, 2, 3, 4]],
]

/** What filters mean. What is refused is the same for all drivers, see `filter.test.ts`. */
export function describeFilters(driver: DatabaseUnderTest): void {
  describe('filters', () => {
    test.each(meanings)('mean %s', async (_what, filter, numbers) => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(documents)
      const found = await lake.photos.find(filter, { sort: ['created_at'] })
      expect(found.map(({ number }) => number)).toEqual(numbers)
      expect(await lake.photos.count(filter)).toBe(numbers.length)
    })

    test('take lists of thousands', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(documents)
      const titles = Array.from({ length: 10_000 }, (_, at) => `Photo ${at}`)
      expect(await lake.photos.count({ title: { $in: titles } })).toBe(4)
      expect(await lake.photos.count({ 'metadata.v': { $in: titles.map((_, at) => at) } })).toBe(1)
    })

    test('are refused before anything happens', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(documents)
      for (const filter of [
        { unknown: 1 },
        { split: undefined },
        { $where: '1' },
        { title: { $regex: 'a' } },
      ]) {
        await expect(lake.photos.deleteMany(filter as unknown as Filter)).rejects.toMatchObject({
          code: 'QUERY_NOT_SUPPORTED',
        })
      }
      expect(await lake.photos.count()).toBe(4)
    })
  })
}
