import { describe, expect, test } from 'vitest'
import { allOf, type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { aPhoto, photoId } from '../photo.ts'

/** Reads by key and filter, counts, and what a caller gets hold of. */
export function describeReads(driver: DatabaseUnderTest): void {
  describe('reading', () => {
    test('gets one by key, and says which is absent', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      expect(await lake.photos.get(photoId(1))).toMatchObject({ number: 1 })
      await expect(lake.photos.get('photo_none')).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('photo_none'),
        details: { collection: 'test_photos', key: 'photo_none' },
      })
    })

    test('gives values of the caller’s own', async () => {
      await using lake = await opened(driver)
      const inserted = await lake.photos.insert(aPhoto(1, { tags: ['a'] }))
      inserted.tags.push('b')
      const read = await lake.photos.get(photoId(1))
      read.metadata.x = 1
      expect(await lake.photos.get(photoId(1))).toMatchObject({ tags: ['a'], metadata: {} })
    })

    test('gets many by key: each once, absent ones left out, any number', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(Array.from({ length: 1500 }, (_, number) => aPhoto(number)))
      const keys = Array.from({ length: 1500 }, (_, number) => photoId(number))
      const found = await lake.photos.getMany([...keys, photoId(3), 'photo_none'])
      expect(found.size).toBe(1500)
      expect(found.get(photoId(1499))).toMatchObject({ number: 1499 })
      expect(await lake.photos.getMany([])).toEqual(new Map())
    })

    test('finds one by another unique index or by several fields', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([aPhoto(1), aPhoto(2)])
      expect(await lake.photos.findOne({ title: 'Photo 2' })).toMatchObject({ number: 2 })
      expect(await lake.photos.findOne({ album: 'album_1', number: 1 })).toMatchObject({
        number: 1,
      })
      expect(await lake.photos.findOne({ title: 'none' })).toBeUndefined()
    })

    test('finds in the order of insertion, also where the filter has an index', async () => {
      await using lake = await opened(driver)
      const numbers = [5, 2, 9, 1, 7, 3]
      for (const number of numbers) {
        await lake.photos.insert(
          aPhoto(number, { tags: ['t'], split: 'train', subject: { kind: 'asset', id: 'a' } }),
        )
      }
      await lake.photos.update(photoId(2), { set: { views: 1 } })
      for (const filter of [
        {},
        { tags: 't' },
        { split: 'train' },
        { 'subject.kind': 'asset', 'subject.id': 'a' },
        { photo_id: { $in: numbers.map(photoId) } },
        { title: { $gte: 'Photo' } },
      ]) {
        const found = await lake.photos.find(filter)
        expect(found.map(({ number }) => number)).toEqual(numbers)
        const streamed = await allOf(lake.photos.stream(filter, { batchSize: 2 }))
        expect(streamed.map(({ number }) => number)).toEqual(numbers)
        expect((await lake.photos.findOne(filter))?.number).toBe(5)
      }
      expect((await lake.photos.find({}, { limit: 2 })).map(({ number }) => number)).toEqual([5, 2])
    })

    test('reads only the fields asked for, and the key', async () => {
      await using lake = await opened(driver)
      const { _id } = await lake.photos.insert(aPhoto(1, { tags: ['a'], metadata: { big: 'x' } }))
      const expected = { _id, photo_id: photoId(1), tags: ['a'], split: null }
      const fields = ['tags', 'split'] as const
      expect(await lake.photos.get(photoId(1), { fields })).toEqual(expected)
      expect(await lake.photos.find({}, { fields, sort: ['-created_at'] })).toEqual([expected])
      expect((await lake.photos.getMany([photoId(1)], { fields })).get(photoId(1))).toEqual(
        expected,
      )
      expect(await allOf(lake.photos.stream({}, { fields, sort: ['-created_at'] }))).toEqual([
        expected,
      ])
      expect(await allOf(lake.photos.stream({}, { fields }))).toEqual([expected])
    })

    test('counts, and tells whether there is any', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([
        aPhoto(1, { split: 'train' }),
        aPhoto(2, { split: 'train' }),
        aPhoto(3),
      ])
      expect(await lake.photos.count()).toBe(3)
      expect(await lake.photos.count({ split: 'train' })).toBe(2)
      expect(await lake.photos.exists({ split: 'train' })).toBe(true)
      expect(await lake.photos.exists({ split: 'val' })).toBe(false)
    })

    test('counts by a path: declared, boolean, numeric and free', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([
        aPhoto(1, {
          split: 'train',
          hidden: true,
          metadata: { v: 1, replication: { status: 'x' } },
        }),
        aPhoto(2, { split: 'train', metadata: { v: true, replication: { status: 'x' } } }),
        aPhoto(3, { metadata: { v: 'text', replication: { status: 'y' } } }),
        aPhoto(4, { metadata: { v: null } }),
      ])
      expect(await lake.photos.countBy('split')).toEqual(
        new Map([
          ['train', 2],
          [null, 2],
        ]),
      )
      expect(await lake.photos.countBy('hidden')).toEqual(
        new Map([
          [true, 1],
          [false, 3],
        ]),
      )
      expect(await lake.photos.countBy('number', { split: 'train' })).toEqual(
        new Map([
          [1, 1],
          [2, 1],
        ]),
      )
      expect(await lake.photos.countBy('metadata.replication.status')).toEqual(
        new Map([
          ['x', 2],
          ['y', 1],
          [null, 1],
        ]),
      )
      expect(await lake.photos.countBy('metadata.v')).toEqual(
        new Map<unknown, number>([
          [1, 1],
          [true, 1],
          ['text', 1],
          [null, 1],
        ]),
      )
      await expect(lake.photos.countBy('tags')).rejects.toMatchObject({
        code: 'QUERY_NOT_SUPPORTED',
      })
    })

    test('sums the numbers at a path, of all or of some', async () => {
      await using lake = await opened(driver)
      expect(await lake.photos.sum('number')).toBe(0)
      await lake.photos.insertMany([
        aPhoto(1, { split: 'train', score: 0.5, views: 9_007_199_254 }),
        aPhoto(2, { split: 'train', score: 0.25, views: 1 }),
        aPhoto(3),
      ])
      expect(await lake.photos.sum('number')).toBe(6)
      expect(await lake.photos.sum('number', { split: 'train' })).toBe(3)
      expect(await lake.photos.sum('number', { score: null })).toBe(3)
      expect(await lake.photos.sum('score')).toBe(0.75)
      expect(await lake.photos.sum('score', { split: null })).toBe(0)
      expect(await lake.photos.sum('views')).toBe(9_007_199_255)
      expect(await lake.photos.sum('views', { photo_id: { $in: [] } })).toBe(0)
    })

    test.each(['title', 'hidden', 'tags', 'camera', 'created_at', 'metadata.v', 'absent'])(
      'refuses to sum %s',
      async (path) => {
        await using lake = await opened(driver)
        await expect(lake.photos.sum(path)).rejects.toMatchObject({ code: 'QUERY_NOT_SUPPORTED' })
      },
    )

    test('streams while rows are written and deleted, each other row once', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(Array.from({ length: 30 }, (_, number) => aPhoto(number)))
      for (const sort of [undefined, ['-created_at'], ['created_at']]) {
        const seen: number[] = []
        for await (const photo of lake.photos.stream({}, { sort, batchSize: 4 })) {
          seen.push(photo.number)
          await lake.photos.update(photo.photo_id, { inc: { views: 1 } })
        }
        expect(seen.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: 30 }, (_, number) => number),
        )
      }
      for await (const photo of lake.photos.stream({ status: 'pending' }, { batchSize: 4 })) {
        await lake.photos.delete(photo.photo_id)
      }
      expect(await lake.photos.count()).toBe(0)
    })

    test('lets a stream be left and goes on working', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(Array.from({ length: 20 }, (_, number) => aPhoto(number)))
      for await (const _ of lake.photos.stream({}, { batchSize: 3 })) break
      expect(await lake.photos.count()).toBe(20)
    })

    test.each([0, -1, 1.5, Number.NaN])('refuses the limit %s', async (limit) => {
      await using lake = await opened(driver)
      await expect(lake.photos.find({}, { limit })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    })

    test('heeds a signal that is aborted already', async () => {
      await using lake = await opened(driver)
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      await expect(lake.photos.insert(aPhoto(1), { signal })).rejects.toBe(reason)
      await expect(lake.photos.find({}, { signal })).rejects.toBe(reason)
      await expect(lake.database.transaction(async () => {}, { signal })).rejects.toBe(reason)
      await expect(allOf(lake.photos.stream({}, { signal }))).rejects.toBe(reason)
      expect(await lake.photos.count()).toBe(0)
    })
  })
}
