import { describe, expect, test } from 'vitest'
import { type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { Albums, aPhoto, Photos, photoId } from '../photo.ts'

const anAlbum = { album_id: 'album_1', title: 'Album', created_at: '2026-01-01T00:00:00.000Z' }

/** Units of work. A database that is not transactional runs the work, one after the other, no more. */
export function describeTransactions(driver: DatabaseUnderTest): void {
  describe('transactions', () => {
    test('are all or nothing where the database says so', async () => {
      await using lake = await opened(driver)
      expect(lake.database.transactional).toBe(driver.transactional ?? true)
      const work = lake.database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(1))
        throw new Error('changed my mind')
      })
      await expect(work).rejects.toThrow('changed my mind')
      expect(await lake.photos.count()).toBe(lake.database.transactional ? 0 : 1)
    })

    test('make their writes visible together, in all collections, and give the result', async () => {
      await using lake = await opened(driver)
      const result = await lake.database.transaction(async (tx) => {
        await tx.repository(Albums).insert(anAlbum)
        await tx.repository(Photos).insertMany([aPhoto(1, { tags: ['a'] }), aPhoto(2)])
        await tx.repository(Photos).update(photoId(1), { inc: { views: 2 } })
        return 'done'
      })
      expect(result).toBe('done')
      expect(await lake.albums.count()).toBe(1)
      expect(await lake.photos.get(photoId(1))).toMatchObject({ views: 2 })
    })

    test('refuse what would wait for themselves: a second one, and the database itself', async () => {
      await using lake = await opened(driver)
      await lake.database.transaction(async (tx) => {
        await expect(lake.database.transaction(async () => {})).rejects.toMatchObject({
          code: 'INTERNAL',
        })
        await expect(lake.photos.insert(aPhoto(1))).rejects.toMatchObject({ code: 'INTERNAL' })
        await expect(lake.photos.count()).rejects.toMatchObject({ code: 'INTERNAL' })
        await tx.repository(Photos).insert(aPhoto(2))
      })
      expect(await lake.photos.count()).toBe(1)
    })

    test('hand out a handle that is dead after the end', async () => {
      await using lake = await opened(driver)
      const photos = await lake.database.transaction(async (tx) => tx.repository(Photos))
      await expect(photos.insert(aPhoto(1))).rejects.toMatchObject({ code: 'INTERNAL' })
      await expect(photos.count()).rejects.toMatchObject({ code: 'INTERNAL' })
      expect(await lake.photos.count()).toBe(0)
    })

    test('run one after the other when many are asked for', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      await Promise.all(
        Array.from({ length: 10 }, () =>
          lake.database.transaction(async (tx) => {
            const { views } = await tx.repository(Photos).get(photoId(1))
            await tx.repository(Photos).update(photoId(1), { set: { views: views + 1 } })
          }),
        ),
      )
      expect(await lake.photos.get(photoId(1))).toMatchObject({ views: 10 })
    })
  })
  if (driver.transactional ?? true) describeAtomicity(driver)
}

function describeAtomicity(driver: DatabaseUnderTest): void {
  describe('transactions that are all or nothing', () => {
    test('leave nothing when the work throws, and throw what it threw', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1, { tags: ['a'] }))
      const reason = new Error('changed my mind')
      const attempt = lake.database.transaction(async (tx) => {
        await tx.repository(Albums).insert(anAlbum)
        await tx.repository(Photos).update(photoId(1), { add: { tags: ['b'] } })
        await tx.repository(Photos).upsertMany([aPhoto(2)])
        throw reason
      })
      await expect(attempt).rejects.toBe(reason)
      expect(await lake.albums.count()).toBe(0)
      expect(await lake.photos.count({ tags: 'b' })).toBe(0)
      expect(await lake.photos.count()).toBe(1)
    })

    test('leave nothing when a write in them fails or their signal is aborted', async () => {
      await using lake = await opened(driver)
      await lake.photos.insert(aPhoto(1))
      const failing = lake.database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(2))
        await tx.repository(Photos).insert(aPhoto(1))
      })
      await expect(failing).rejects.toMatchObject({ code: 'DUPLICATE' })
      const control = new AbortController()
      const aborted = lake.database.transaction(
        async (tx) => {
          await tx.repository(Photos).insert(aPhoto(3))
          control.abort(new Error('enough'))
        },
        { signal: control.signal },
      )
      await expect(aborted).rejects.toThrow('enough')
      expect(await lake.photos.count()).toBe(1)
    })

    test('read their own writes, which nobody else sees before the end', async () => {
      await using lake = await opened(driver)
      const written = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      const work = lake.database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(1))
        expect(await tx.repository(Photos).count()).toBe(1)
        written.resolve()
        await go.promise
        throw new Error('undone')
      })
      await written.promise
      const outside = lake.photos.count()
      go.resolve()
      await expect(work).rejects.toThrow('undone')
      expect(await outside).toBe(0)
    })

    test('do not mix with writes made beside them', async () => {
      await using lake = await opened(driver)
      const started = Promise.withResolvers<void>()
      const go = Promise.withResolvers<void>()
      const work = lake.database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(1))
        started.resolve()
        await go.promise
        throw new Error('undone')
      })
      await started.promise
      const beside = lake.photos.insert(aPhoto(2))
      go.resolve()
      await expect(work).rejects.toThrow('undone')
      await beside
      expect((await lake.photos.find({})).map(({ number }) => number)).toEqual([2])
    })
  })
}
