import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineCollection } from '../../collection.ts'
import { type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { aPhoto, Photos, photoId } from '../photo.ts'

const photoV1 = z.object({ photo_id: z.string(), title: z.string() })
const PhotosV1 = defineCollection({ name: 'test_photos', schema: photoV1, key: 'photo_id' })

const photoV2 = photoV1.extend({
  rating: z.number().default(3),
  labels: z.array(z.string()).default([]),
  note: z.string().nullable().default(null),
})
const PhotosV2 = defineCollection({
  name: 'test_photos',
  schema: photoV2,
  key: 'photo_id',
  indexes: [{ on: ['title'], unique: true, name: 'mt_title' }, { each: 'labels' }],
})

/** Opening, initialising, dropping and closing. */
export function describeLifetime(driver: DatabaseUnderTest): void {
  describe('lifetime', () => {
    test('finds nothing wrong with what it stores', async () => {
      await using place = await driver.place()
      await using lake = await opened(driver, place.address)
      await lake.photos.insertMany([aPhoto(1), aPhoto(2)])
      expect(await lake.database.check()).toEqual([])
    })

    test('tells how busy it is', async () => {
      await using lake = await opened(driver)
      const begun = Promise.withResolvers<void>()
      const enough = Promise.withResolvers<void>()
      const held = lake.database.transaction(async () => {
        begun.resolve()
        await enough.promise
      })
      await begun.promise
      const writes = [1, 2, 3].map((n) => lake.photos.insert(aPhoto(n)))
      await new Promise((resolve) => setImmediate(resolve))
      const during = lake.database.load()
      enough.resolve()
      await Promise.all([held, ...writes])
      // A file has one writer at a time.
      if (during.connections === undefined) expect(during.waiting).toBe(3)
      const { waiting, connections } = lake.database.load()
      expect(waiting).toBe(0)
      if (connections === undefined) return
      expect(connections.open).toBeGreaterThan(0)
      expect(connections.inUse).toBe(0)
    })

    test('initialising twice is harmless, and adds what is new', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await lake.database.init([Photos])
      const Later = defineCollection({
        name: 'test_later',
        schema: z.object({ later_id: z.string() }),
        key: 'later_id',
      })
      expect(() => lake.database.repository(Later)).toThrow(/init/)
      await lake.database.init([Later])
      await lake.database.repository(Later).insert({ later_id: 'x' })
      expect(await lake.photos.count()).toBe(1)
    })

    test('reads rows that are older than their fields, and indexes them', async () => {
      await using place = await driver.place()
      await using database = await driver.open(place.address)
      await database.init([PhotosV1])
      await database.repository(PhotosV1).insert({ photo_id: 'a', title: 'A' })
      await database.init([PhotosV2])
      const photos = database.repository(PhotosV2)
      expect(await photos.get('a')).toMatchObject({ rating: 3, labels: [], note: null })
      expect(await photos.get('a', { fields: ['labels'] })).toMatchObject({ labels: [] })
      await expect(photos.insert({ photo_id: 'b', title: 'A' })).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { on: 'mt_title' },
      })
      await photos.update('a', { add: { labels: ['x'] } })
      expect(await photos.count({ labels: 'x' })).toBe(1)
      const [first, second] = await Promise.all([photos.get('a'), photos.get('a')])
      expect(first.labels).not.toBe(second.labels)
    })

    test('says when stored documents break a new unique index', async () => {
      await using place = await driver.place()
      await using database = await driver.open(place.address)
      await database.init([PhotosV1])
      await database.repository(PhotosV1).insertMany([
        { photo_id: 'a', title: 'same' },
        { photo_id: 'b', title: 'same' },
      ])
      await expect(database.init([PhotosV2])).rejects.toMatchObject({
        code: 'CONFLICT',
        details: { collection: 'test_photos', on: 'mt_title' },
      })
      expect(await database.repository(PhotosV1).count()).toBe(2)
    })

    test('dropping deletes all and keeps what is unique', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1, { tags: ['a'] }))
      await lake.albums.insert({
        album_id: 'a',
        title: 'A',
        created_at: '2026-01-01T00:00:00.000Z',
      })
      await lake.database.drop()
      expect(await lake.photos.count()).toBe(0)
      expect(await lake.albums.count()).toBe(0)
      expect(await lake.photos.count({ tags: 'a' })).toBe(0)
      await lake.photos.insert(aPhoto(1, { tags: ['a'] }))
      await expect(lake.photos.insert(aPhoto(2, { title: 'Photo 1' }))).rejects.toMatchObject({
        code: 'DUPLICATE',
      })
      expect(await lake.photos.count({ tags: 'a' })).toBe(1)
    })

    test('two databases of the same collections in one process are apart, each with its indexes', async () => {
      await using one = await opened(driver)
      await using other = await opened(driver)
      await one.photos.insert(aPhoto(1))
      await other.photos.insert(aPhoto(1))
      for (const lake of [one, other]) {
        await expect(lake.photos.insert(aPhoto(2, { title: 'Photo 1' }))).rejects.toMatchObject({
          code: 'DUPLICATE',
        })
      }
      await one.database.drop()
      expect(await other.photos.count()).toBe(1)
      await one.database.transaction(async () => {
        expect(await other.photos.count()).toBe(1)
      })
    })

    test('answers a ping, closes twice, and says afterwards that it is closed', async () => {
      await using lake = await opened(driver)
      await lake.database.ping()
      const writing = lake.photos.insert(aPhoto(1))
      await Promise.all([lake.database.close(), lake.database.close()])
      await writing
      await lake.database.close()
      const calls = [
        () => lake.database.ping(),
        () => lake.photos.get(photoId(1)),
        () => lake.photos.insert(aPhoto(2)),
        () => lake.database.transaction(async () => {}),
        () => lake.database.init([Photos]),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })
  })
}
