import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, test } from 'vitest'
import type { Collection } from '../../collection.ts'
import { aPhoto, Photos, photoId } from '../../testing/photo.ts'
import { openSqliteDatabase, type SqliteOptions, sqlitePathOf } from './sqlite-database.ts'

async function openLake(folder: TemporaryFolder, options: Partial<SqliteOptions> = {}) {
  const database = await openSqliteDatabase({ path: join(folder.path, 'lake.db'), ...options })
  await database.init([Photos])
  return database
}

/** The photos of a version that keeps other counts. */
function photosCountedBy(counted: readonly string[]): Collection {
  return { ...Photos, counted: counted.map((path) => Photos.path(path)) } as Collection
}

/** Arguments for a child process that runs `code` with this package's sources at hand. */
function childArguments(code: string): string[] {
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const head = `
    import { openSqliteDatabase } from ${module('./index.ts')}
    import { aPhoto, Photos } from ${module('../../testing/photo.ts')}
  `
  return [...process.execArgv, '--input-type=module', '--eval', head + code]
}

describe('a SQLite file', () => {
  test('is made with its folder, kept, and opened again', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'new', 'deep', 'lake.db')
    {
      await using database = await openSqliteDatabase({ path })
      await database.init([Photos])
      await database.repository(Photos).insert(aPhoto(1, { tags: ['a'] }))
    }
    await using database = await openSqliteDatabase({ path })
    await database.init([Photos])
    expect(await database.repository(Photos).count({ tags: 'a' })).toBe(1)
    expect(await database.check()).toEqual([])
    expect(database.path).toBe(path)
  })

  test('is refused when a newer version wrote it', async () => {
    await using folder = await temporaryFolder()
    await (await openLake(folder)).close()
    const path = join(folder.path, 'lake.db')
    const raw = new DatabaseSync(path)
    raw.exec('PRAGMA user_version = 99')
    raw.close()
    await expect(openSqliteDatabase({ path })).rejects.toMatchObject({
      code: 'NOT_IMPLEMENTED',
      message: expect.stringContaining('upgrade'),
      details: { version: 99, supported: 1 },
    })
  })

  test('is refused, unchanged, when it is another program’s or no database at all', async () => {
    await using folder = await temporaryFolder()
    const foreign = join(folder.path, 'foreign.db')
    const raw = new DatabaseSync(foreign)
    raw.exec('CREATE TABLE theirs (x)')
    raw.close()
    await expect(openSqliteDatabase({ path: foreign })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    const text = join(folder.path, 'text.db')
    await writeFile(
      text,
      'no database, but long enough to be taken for the header of one'.repeat(100),
    )
    await expect(openSqliteDatabase({ path: text })).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining(text),
    })
  })

  // Permission bits do not bind root, so the paths here are impossible for everyone.
  test('says which path cannot be opened and what to do', async () => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'file'), '')
    const below = join(folder.path, 'file', 'lake.db')
    await expect(openSqliteDatabase({ path: below })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/file\/lake\.db.*choose a path/),
    })
    await mkdir(join(folder.path, 'a-folder'))
    await expect(openSqliteDatabase({ path: join(folder.path, 'a-folder') })).rejects.toMatchObject(
      {
        code: 'UNAVAILABLE',
        message: expect.stringContaining('a-folder'),
      },
    )
  })

  test('reports a full disk, keeps what it had, and goes on when there is room', async () => {
    await using folder = await temporaryFolder()
    const filler = { metadata: { text: 'x'.repeat(100_000) } }
    const many = Array.from({ length: 10 }, (_, at) => aPhoto(at + 2, filler))
    {
      await using database = await openLake(folder, { maxFileBytes: 500_000 })
      const photos = database.repository(Photos)
      await photos.insert(aPhoto(1))
      await expect(photos.insertMany(many)).rejects.toMatchObject({
        code: 'STORAGE_FULL',
        message: expect.stringContaining(database.path),
      })
      await expect(photos.upsertMany(many)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
      const doomed = database.transaction(async (tx) => {
        const inserting = tx.repository(Photos).insertMany(many)
        await expect(inserting).rejects.toMatchObject({ code: 'STORAGE_FULL' })
        // Whether or not SQLite has rolled back by itself: this must not stand alone.
        await tx.repository(Photos).insert(aPhoto(50))
        throw new Error('undone')
      })
      await expect(doomed).rejects.toThrow()
      expect(await photos.count()).toBe(1)
    }
    await using database = await openLake(folder)
    expect((await database.repository(Photos).insertMany(many)).inserted).toHaveLength(10)
    expect(await database.check()).toEqual([])
  })

  test('waits for another process that writes, without holding up this one', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    const other = new DatabaseSync(database.path)
    other.exec('BEGIN IMMEDIATE')
    let ticks = 0
    const ticking = setInterval(() => {
      ticks += 1
      if (ticks === 5) {
        other.exec('COMMIT')
        other.close()
      }
    }, 10)
    await database.repository(Photos).insert(aPhoto(1))
    clearInterval(ticking)
    expect(ticks).toBeGreaterThanOrEqual(5)
    expect(await database.repository(Photos).count()).toBe(1)
  })

  test('gives up on another process after the time that was set, or when told to', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder, { busyTimeoutMs: 30 })
    const other = new DatabaseSync(database.path)
    other.exec('BEGIN IMMEDIATE')
    const photos = database.repository(Photos)
    await expect(photos.insert(aPhoto(1))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('another process'),
    })
    await expect(database.transaction(async () => {})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(await photos.count()).toBe(0)

    await using patient = await openLake(folder)
    const control = new AbortController()
    const waiting = patient.repository(Photos).insert(aPhoto(1), { signal: control.signal })
    const queued = patient.repository(Photos).insert(aPhoto(2), { signal: control.signal })
    const reason = new Error('enough')
    control.abort(reason)
    await expect(queued).rejects.toBe(reason)
    await expect(waiting).rejects.toBe(reason)
    other.close()
    await patient.repository(Photos).insert(aPhoto(3))
  })

  test('deletes from a large file beside the event loop, with the same patience', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder, { busyTimeoutMs: 30, largeFileBytes: 0 })
    await using patient = await openLake(folder, { largeFileBytes: 0 })
    await database.repository(Photos).insertMany([aPhoto(1), aPhoto(2)])
    const other = new DatabaseSync(database.path)
    other.exec('BEGIN IMMEDIATE')
    await expect(database.repository(Photos).deleteMany({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('another process'),
    })
    const control = new AbortController()
    const photos = patient.repository(Photos)
    const waiting = photos.deleteMany({ photo_id: photoId(1) }, { signal: control.signal })
    const reason = new Error('enough')
    setTimeout(() => control.abort(reason), 20)
    await expect(waiting).rejects.toBe(reason)
    other.close()
    expect(await photos.deleteMany({ photo_id: photoId(2) })).toBe(1)
  })

  test('takes writes of several processes at the same time', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    const write = (from: number) =>
      promisify(execFile)(
        process.execPath,
        childArguments(`
          await using database = await openSqliteDatabase({ path: ${JSON.stringify(database.path)} })
          await database.init([Photos])
          for (let at = 0; at < 100; at++) await database.repository(Photos).insert(aPhoto(${from} + at))
        `),
      )
    const mine = async () => {
      for (let at = 0; at < 100; at++) await database.repository(Photos).insert(aPhoto(at))
    }
    await Promise.all([write(1000), write(2000), mine()])
    expect(await database.repository(Photos).count()).toBe(300)
  })

  test('is whole after a process was killed in the middle of a transaction', async () => {
    await using folder = await temporaryFolder()
    await (await openLake(folder)).close()
    const path = join(folder.path, 'lake.db')
    const child = spawn(
      process.execPath,
      childArguments(`
        const database = await openSqliteDatabase({ path: ${JSON.stringify(path)} })
        await database.init([Photos])
        await database.repository(Photos).insert(aPhoto(1))
        await database.transaction(async (tx) => {
          const many = Array.from({ length: 3000 }, (_, at) => aPhoto(at + 2, { metadata: { text: 'x'.repeat(2000) } }))
          await tx.repository(Photos).insertMany(many)
          process.stdout.write('written')
          await new Promise((resolve) => setTimeout(resolve, 60_000))
        })
      `),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await using database = await openLake(folder)
    expect((await database.repository(Photos).find({})).map(({ number }) => number)).toEqual([1])
    expect(await database.repository(Photos).countBy('split')).toEqual(new Map([[null, 1]]))
    expect(await database.check()).toEqual([])
    await database.repository(Photos).insert(aPhoto(2))
  })

  test('uses its indexes: for keys, pages, lists and array elements', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    const raw = new DatabaseSync(database.path)
    const path = (name: string) => `(doc ->> '$."${name}"')`
    const plan = (sql: string) =>
      raw
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail))
        .join('; ')
    expect(
      plan(
        `SELECT * FROM test_photos WHERE ${path('photo_id')} IN (SELECT value FROM json_each('[]'))`,
      ),
    ).toContain('USING INDEX test_photos.photo_id')
    const page = plan(
      `SELECT * FROM test_photos WHERE ${path('created_at')} <= 'x' AND ((${path('created_at')} < 'x') OR (${path('created_at')} = 'x' AND ${path('photo_id')} < 'y')) ORDER BY ${path('created_at')} DESC, ${path('photo_id')} DESC LIMIT 10`,
    )
    expect(page).toContain('SEARCH test_photos USING INDEX test_photos.created_at_-1_photo_id_-1')
    expect(page).not.toContain('TEMP B-TREE')
    raw.close()
  })

  test('empties, on a drop, collections too that this process does not know', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    await database.repository(Photos).insert(aPhoto(1, { tags: ['a'] }))
    await using other = await openSqliteDatabase({ path: database.path })
    await other.drop()
    expect(await database.repository(Photos).count({ tags: 'a' })).toBe(0)
    await database.repository(Photos).insert(aPhoto(1, { tags: ['a'] }))
    expect(await database.repository(Photos).count({ tags: 'a' })).toBe(1)
    const again = database.repository(Photos).insert(aPhoto(2, { title: 'Photo 1' }))
    await expect(again).rejects.toMatchObject({ code: 'DUPLICATE' })
  })

  test('rebuilds an index that is declared differently now', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    await database.repository(Photos).insert(aPhoto(1))
    const raw = new DatabaseSync(database.path)
    raw.exec(
      `DROP INDEX "test_photos.mt_title"; CREATE INDEX "test_photos.mt_title" ON test_photos (id)`,
    )
    raw.close()
    await database.init([Photos])
    await expect(
      database.repository(Photos).insert(aPhoto(2, { title: 'Photo 1' })),
    ).rejects.toMatchObject({
      code: 'DUPLICATE',
    })
    await expect(database.repository(Photos).get(photoId(1))).resolves.toMatchObject({ number: 1 })
  })

  test('drops no table that holds what cannot be made anew, whatever its name', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    const raw = new DatabaseSync(database.path)
    raw.exec(`DROP INDEX "test_photos.mt_title"; CREATE TABLE "test_photos.mt_title" (x)`)
    await expect(database.init([Photos])).rejects.toMatchObject({
      code: 'CORRUPT',
      details: { table: 'test_photos.mt_title' },
    })
    expect(raw.prepare('SELECT count(*) AS n FROM "test_photos.mt_title"').get()?.n).toBe(0)
    raw.close()
  })

  test('keeps counts, which an older file gets when it is opened', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'lake.db')
    {
      await using database = await openSqliteDatabase({ path })
      await database.init([photosCountedBy([])])
      const photos = database.repository(Photos)
      await photos.insertMany([aPhoto(1, { split: 'train' }), aPhoto(2, { split: 'train' })])
    }
    await using database = await openLake(folder)
    const photos = database.repository(Photos)
    await photos.insert(aPhoto(3))
    const raw = new DatabaseSync(path)
    const kept = raw
      .prepare('SELECT value, n FROM "test_photos#" WHERE path = ? ORDER BY 1')
      .all('split')
    expect(kept.map(({ value, n }) => [value, n])).toEqual([
      ['train', 2],
      [new Uint8Array(), 1],
    ])
    // Proof that they are read.
    raw.exec(`UPDATE "test_photos#" SET n = n + 40 WHERE path = 'split' AND value = 'train'`)
    raw.close()
    expect(await photos.countBy('split')).toEqual(
      new Map([
        ['train', 42],
        [null, 1],
      ]),
    )
    expect(await photos.count({ split: 'train' })).toBe(42)
    expect(await photos.count({ split: 'train', number: { $gt: 0 } })).toBe(2)
  })

  test('counts right while another version counts by other paths', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    const photos = database.repository(Photos)
    await photos.insertMany([aPhoto(1, { split: 'train' }), aPhoto(2, { hidden: true })])
    await using other = await openSqliteDatabase({ path: database.path })
    await other.init([photosCountedBy(['hidden', 'album'])])
    await photos.insert(aPhoto(3, { split: 'train', hidden: true }))
    expect(await photos.countBy('split')).toEqual(
      new Map([
        ['train', 2],
        [null, 1],
      ]),
    )
    expect(await photos.count({ split: 'train' })).toBe(2)
    expect(await photos.countBy('hidden')).toEqual(
      new Map([
        [true, 2],
        [false, 1],
      ]),
    )
    expect(await photos.count()).toBe(3)
    expect(await other.repository(Photos).countBy('album')).toEqual(new Map([['album_1', 3]]))
    await database.init([Photos])
    expect(await photos.countBy('split')).toEqual(
      new Map([
        ['train', 2],
        [null, 1],
      ]),
    )
  })

  test('lets timers run while much is read and written', async () => {
    await using folder = await temporaryFolder()
    await using database = await openLake(folder)
    let ticks = 0
    const ticking = setInterval(() => {
      ticks += 1
    }, 1)
    const photos = database.repository(Photos)
    await photos.insertMany(Array.from({ length: 5000 }, (_, number) => aPhoto(number)))
    const afterWriting = ticks
    for await (const _ of photos.stream({})) {
    }
    clearInterval(ticking)
    expect(afterWriting).toBeGreaterThan(1)
    expect(ticks).toBeGreaterThan(afterWriting + 1)
  })
})

describe('a SQLite address', () => {
  test.each([
    ['sqlite:/data/lake.db', '/data/lake.db'],
    ['sqlite:lake.db', 'lake.db'],
    ['sqlite:./a folder/lake.db', './a folder/lake.db'],
    ['sqlite::memory:', ':memory:'],
  ])('%s means %s', (address, path) => {
    expect(sqlitePathOf(address)).toBe(path)
    expect(resolve(sqlitePathOf(address))).toBeTruthy()
  })

  test.each(['', 'lake.db', 'sqlite:', 'sqlite://host/lake.db', 'mongodb://host'])(
    '%j is refused',
    (address) => {
      expect(() => sqlitePathOf(address)).toThrow(/sqlite:PATH/)
    },
  )
})
