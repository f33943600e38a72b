import { describe, expect, test } from 'vitest'
import { maxDocumentBytes } from '../../collection.ts'
import { objectIdOf } from '../../object-id.ts'
import { allOf, type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { aPhoto, photoId } from '../photo.ts'

/** Inserts, replacements, changes, claims and deletions. */
export function describeWrites(driver: DatabaseUnderTest): void {
  describe('inserting', () => {
    test('fills in defaults, writes nulls and gives the stored document back', async () => {
      await using lake = await opened(driver)
      const inserted = await lake.photos.insert(aPhoto(1))
      expect(inserted).toMatchObject({ photo_id: photoId(1), split: null, tags: [], metadata: {} })
      expect(inserted._id).toMatch(/^[0-9a-f]{24}$/)
      expect(await lake.photos.get(photoId(1))).toEqual(inserted)
    })

    test('drops fields that are not declared, among them `_id` and `id`', async () => {
      await using lake = await opened(driver)
      const input = { ...aPhoto(1), _id: 'f'.repeat(24), id: 'x', extra: 1 }
      const inserted = await lake.photos.insert(input)
      expect(inserted).not.toHaveProperty('id')
      expect(inserted).not.toHaveProperty('extra')
      expect(inserted._id).not.toBe('f'.repeat(24))
    })

    test('stores instants in one form, whatever zone and precision they come in', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(
        aPhoto(1, {
          created_at: '2026-11-24T16:38:19.123456+01:00',
          lease_expires_at: '2026-11-24T15:38:19Z',
        }),
      )
      expect(await lake.photos.get(photoId(1))).toMatchObject({
        created_at: '2026-11-24T15:38:19.123Z',
        lease_expires_at: '2026-11-24T15:38:19.000Z',
      })
    })

    test('keeps keys with dots, dollars and odd characters in free-form objects, and empty ones', async () => {
      await using lake = await opened(driver)
      const metadata = {
        'mindtrace.serialization': { 'a.b': [1, 2.5, -0.1, 'ü😀'] },
        'white space "quoted"': { empty: {}, none: null, list: [] },
        $set: { $where: [{ '': 1 }], '.': 2 },
        constructor: [{ toString: [{ _id: 'x' }] }],
        large: [5_000_000_000, -(2 ** 53) + 1, 1e300],
      }
      await lake.photos.insertMany([aPhoto(1, { metadata }), aPhoto(2)])
      await lake.photos.update(photoId(2), { set: { metadata } })
      for (const number of [1, 2]) {
        expect((await lake.photos.get(photoId(number))).metadata).toEqual(metadata)
      }
      const [first] = await allOf(lake.photos.stream({}))
      expect(first?.metadata).toEqual(metadata)
      await lake.photos.upsertMany([aPhoto(2, { metadata: { ...metadata, more: [] } })])
      expect((await lake.photos.find({})).map((one) => one.metadata)).toEqual([
        metadata,
        { ...metadata, more: [] },
      ])
    })

    test('refuses a document that does not fit, naming what is wrong, and writes nothing', async () => {
      await using lake = await opened(driver)
      const wrong = { ...aPhoto(1), number: 'one' as unknown as number }
      await expect(lake.photos.insert(wrong)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        message: expect.stringContaining('number'),
        details: { collection: 'test_photos', issues: [{ path: ['number'] }] },
      })
      await expect(lake.photos.insertMany([aPhoto(2), wrong])).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      })
      expect(await lake.photos.count()).toBe(0)
    })

    test('refuses keys that are empty or longer than 256 bytes', async () => {
      await using lake = await opened(driver)
      for (const photo_id of ['', 'ä'.repeat(129)]) {
        await expect(lake.photos.insert(aPhoto(1, { photo_id }))).rejects.toMatchObject({
          code: 'VALIDATION_FAILED',
        })
      }
      await lake.photos.insert(aPhoto(1, { photo_id: 'ä'.repeat(128) }))
      expect(await lake.photos.exists({ photo_id: 'ä'.repeat(128) })).toBe(true)
    })

    test('refuses more than 16 MiB', async () => {
      await using lake = await opened(driver)
      const metadata = { text: 'x'.repeat(maxDocumentBytes) }
      await expect(lake.photos.insert(aPhoto(1, { metadata }))).rejects.toMatchObject({
        code: 'TOO_LARGE',
        details: { limit: maxDocumentBytes, bytes: expect.any(Number) },
      })
      await lake.photos.insert(aPhoto(2))
      await expect(lake.photos.update(photoId(2), { set: { metadata } })).rejects.toMatchObject({
        code: 'TOO_LARGE',
      })
      expect((await lake.photos.get(photoId(2))).metadata).toEqual({})
    })

    test('tells which unique index refuses: that of the key before all others', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await expect(lake.photos.insert(aPhoto(1))).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { collection: 'test_photos', on: 'photo_id_1', value: photoId(1) },
      })
      await expect(lake.photos.insert(aPhoto(2, { title: 'Photo 1' }))).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { on: 'mt_title', value: 'Photo 1' },
      })
      await expect(lake.photos.insert(aPhoto(2, { number: 1 }))).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { on: 'album_1_number_1', value: ['album_1', 1] },
      })
      expect(await lake.photos.count()).toBe(1)
    })

    test('lets one of many concurrent inserts of a key win', async () => {
      await using lake = await opened(driver)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => lake.photos.insert(aPhoto(1))),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    })

    test('gives every document an `_id` that other documents do not have', async () => {
      await using lake = await opened(driver)
      const { inserted } = await lake.photos.insertMany([
        aPhoto(1),
        aPhoto(2, { photo_id: 'short' }),
      ])
      expect(new Set(inserted.map(({ _id }) => _id)).size).toBe(2)
      expect(objectIdOf('short')).toMatch(/^[0-9a-f]{24}$/)
    })
  })

  describe('inserting many', () => {
    test('tells the new ones from those that exist, also in the middle and within the batch', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(2))
      const { inserted, duplicates } = await lake.photos.insertMany([
        aPhoto(1),
        aPhoto(2),
        aPhoto(3, { title: 'Photo 1' }),
        aPhoto(4),
        aPhoto(4, { title: 'again' }),
        aPhoto(5),
      ])
      expect(inserted.map(({ number }) => number)).toEqual([1, 4, 5])
      expect(duplicates).toEqual([
        { index: 1, on: 'photo_id_1', value: photoId(2) },
        { index: 2, on: 'mt_title', value: 'Photo 1' },
        { index: 4, on: 'photo_id_1', value: photoId(4) },
      ])
      expect(await lake.photos.count()).toBe(4)
    })

    test('takes none and thousands', async () => {
      await using lake = await opened(driver)
      expect(await lake.photos.insertMany([])).toEqual({ inserted: [], duplicates: [] })
      const many = Array.from({ length: 2500 }, (_, number) => aPhoto(number))
      expect((await lake.photos.insertMany(many)).inserted).toHaveLength(2500)
      const again = await lake.photos.insertMany(many)
      expect(again.inserted).toHaveLength(0)
      expect(again.duplicates.at(-1)?.index).toBe(2499)
    })
  })

  describe('replacing many', () => {
    test('counts created and updated, and replaces whole documents', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([aPhoto(1, { split: 'train', tags: ['old'] }), aPhoto(2)])
      const counts = await lake.photos.upsertMany([
        aPhoto(1, { tags: ['new'] }),
        aPhoto(3),
        aPhoto(3, { views: 7 }),
      ])
      expect(counts).toEqual({ created: 1, updated: 2 })
      expect(await lake.photos.get(photoId(1))).toMatchObject({ split: null, tags: ['new'] })
      expect(await lake.photos.get(photoId(3))).toMatchObject({ views: 7 })
      expect(await lake.photos.count({ tags: 'old' })).toBe(0)
      expect(await lake.photos.count({ tags: 'new' })).toBe(1)
    })

    test('fails where another unique index is broken', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await expect(lake.photos.upsertMany([aPhoto(2, { title: 'Photo 1' })])).rejects.toMatchObject(
        {
          code: 'DUPLICATE',
          details: { on: 'mt_title', value: 'Photo 1' },
        },
      )
    })
  })

  describe('changing', () => {
    test('sets, adds, removes and counts in one step', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1, { tags: ['a', 'b'], notes: ['x', 'y', 'x'] }))
      const changed = await lake.photos.update(photoId(1), {
        set: { status: 'done', split: undefined, metadata: { 'a.b': 1 } },
        add: { tags: ['b', 'c', 'c'] },
        remove: { notes: ['x', 'absent'] },
        inc: { views: 3 },
      })
      expect(changed).toMatchObject({
        status: 'done',
        split: null,
        metadata: { 'a.b': 1 },
        tags: ['a', 'b', 'c'],
        notes: ['y'],
        views: 3,
      })
      expect(await lake.photos.get(photoId(1))).toEqual(changed)
      expect(await lake.photos.count({ tags: 'c' })).toBe(1)
    })

    test('adds what is new, and leaves what stands there twice', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1, { notes: ['x', 'y', 'x'] }))
      await lake.photos.update(photoId(1), { add: { notes: ['y', 'z'] } })
      expect((await lake.photos.get(photoId(1))).notes).toEqual(['x', 'y', 'x', 'z'])
    })

    test('normalises instants that are set', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await lake.photos.update(photoId(1), {
        set: { lease_expires_at: '2026-01-01T01:00:00+01:00' },
      })
      expect(await lake.photos.get(photoId(1))).toMatchObject({
        lease_expires_at: '2026-01-01T00:00:00.000Z',
      })
    })

    test('loses nothing when many add to one array and count at once', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      const names = Array.from({ length: 50 }, (_, at) => `tag ${at}`)
      await Promise.all(
        names.map((name) =>
          lake.photos.update(photoId(1), { add: { tags: [name] }, inc: { views: 1 } }),
        ),
      )
      const photo = await lake.photos.get(photoId(1))
      expect(photo.tags.toSorted()).toEqual(names.toSorted())
      expect(photo.views).toBe(50)
    })

    test('holds on to its condition: one of two callers wins', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      const claim = (worker: string) =>
        lake.photos.update(
          photoId(1),
          { set: { status: 'claimed', claimed_by: worker } },
          { if: { status: 'pending' } },
        )
      const outcomes = await Promise.allSettled([claim('a'), claim('b')])
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'CONFLICT', details: { collection: 'test_photos', key: photoId(1) } },
      })
    })

    test('tells an absent document from one in another state', async () => {
      await using lake = await opened(driver)
      const missing = lake.photos.update(
        'photo_none',
        { set: { views: 1 } },
        { if: { status: 'done' } },
      )
      await expect(missing).rejects.toMatchObject({
        code: 'NOT_FOUND',
        details: { collection: 'test_photos', key: 'photo_none' },
      })
    })

    test('refuses to break a unique index and leaves the document as it was', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([aPhoto(1), aPhoto(2)])
      const change = lake.photos.update(photoId(2), { set: { title: 'Photo 1', views: 9 } })
      await expect(change).rejects.toMatchObject({
        code: 'DUPLICATE',
        details: { on: 'mt_title', value: 'Photo 1' },
      })
      expect(await lake.photos.get(photoId(2))).toMatchObject({ title: 'Photo 2', views: 0 })
    })

    test.each([
      ['the key', { set: { photo_id: 'other' } }],
      ['an unknown field', { set: { unknown: 1 } }],
      ['a value that does not fit', { set: { number: 'one' } }],
      ['a field in two parts', { set: { views: 1 }, inc: { views: 1 } }],
      ['adding to what is no array', { add: { title: ['x'] } }],
      ['adding elements that do not fit', { add: { tags: [1] } }],
      ['counting what is no number', { inc: { title: 1 } }],
      ['counting by what is no number', { inc: { views: Number.NaN } }],
      ['a path instead of a field', { set: { 'camera.maker': 'x' } }],
    ])('refuses %s', async (_what, change) => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await expect(lake.photos.update(photoId(1), change as object)).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      })
    })
  })

  describe('claiming', () => {
    const due = (now: string) => ({
      $or: [{ status: 'pending' }, { status: 'claimed', lease_expires_at: { $lte: now } }],
    })

    test('changes the first ones in the order asked for and gives them back', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([
        aPhoto(1),
        aPhoto(2, { status: 'done' }),
        aPhoto(3, { status: 'claimed', lease_expires_at: '2026-01-01T00:00:00.000Z' }),
        aPhoto(4, { status: 'claimed', lease_expires_at: '2027-01-01T00:00:00.000Z' }),
        aPhoto(5),
      ])
      const change = {
        set: { status: 'claimed', claimed_by: 'me', lease_expires_at: '2026-06-01T00:01:00.000Z' },
      } as const
      const filter = due('2026-06-01T00:00:00Z')
      const first = await lake.photos.claim(filter, change, { sort: ['-created_at'], limit: 2 })
      expect(first.map(({ number }) => number)).toEqual([5, 3])
      expect(first[0]).toMatchObject({ status: 'claimed', claimed_by: 'me' })
      const second = await lake.photos.claim(filter, change, { sort: ['-created_at'], limit: 2 })
      expect(second.map(({ number }) => number)).toEqual([1])
      expect(await lake.photos.claim(filter, change, { sort: ['-created_at'], limit: 2 })).toEqual(
        [],
      )
    })

    test('never gives one document to two callers', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany(Array.from({ length: 100 }, (_, number) => aPhoto(number)))
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, worker) =>
          lake.photos.claim(
            { status: 'pending' },
            { set: { status: 'claimed', claimed_by: `worker ${worker}` } },
            { sort: ['created_at'], limit: 7 },
          ),
        ),
      )
      const keys = claims.flat().map(({ photo_id }) => photo_id)
      expect(keys).toHaveLength(100)
      expect(new Set(keys).size).toBe(100)
    })
  })

  describe('deleting', () => {
    test('deletes one, and says when there is none', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([aPhoto(1, { tags: ['a'] }), aPhoto(2)])
      await lake.photos.delete(photoId(1))
      expect(await lake.photos.count()).toBe(1)
      expect(await lake.photos.count({ tags: 'a' })).toBe(0)
      await expect(lake.photos.delete(photoId(1))).rejects.toMatchObject({
        code: 'NOT_FOUND',
        details: { key: photoId(1) },
      })
    })

    test('deletes what a filter means and gives the number', async () => {
      await using lake = await opened(driver)
      await lake.photos.insertMany([
        aPhoto(1, { tags: ['a'] }),
        aPhoto(2, { tags: ['a', 'b'] }),
        aPhoto(3),
      ])
      expect(await lake.photos.deleteMany({ tags: 'a' })).toBe(2)
      expect(await lake.photos.deleteMany({ tags: 'a' })).toBe(0)
      expect(await lake.photos.count()).toBe(1)
      expect(await lake.photos.deleteMany({})).toBe(1)
    })
  })
}
