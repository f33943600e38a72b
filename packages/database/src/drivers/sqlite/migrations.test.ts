import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, test } from 'vitest'
import { aPhoto, Photos, photoId } from '../../testing/photo.ts'
import type { Migration } from './migrations.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { openSqliteDatabase } from './sqlite-database.ts'
import { claimFile } from './sqlite-schema.ts'

/** A file with one document, whose form is set to `form` afterwards. */
async function fileOfForm(folder: string, form: number): Promise<string> {
  const path = join(folder, 'lake.db')
  {
    await using database = await openSqliteDatabase({ path })
    await database.init([Photos])
    await database.repository(Photos).insert(aPhoto(1))
  }
  setForm(path, form)
  return path
}

function setForm(path: string, form: number): void {
  const raw = new DatabaseSync(path)
  raw.exec(`PRAGMA user_version = ${form}`)
  raw.close()
}

describe('a file of an older form', () => {
  test('is brought to today’s when it is opened, with what it holds', async () => {
    await using folder = await temporaryFolder()
    const path = await fileOfForm(folder.path, 0)
    await using database = await openSqliteDatabase({ path })
    await database.init([Photos])
    await expect(database.repository(Photos).get(photoId(1))).resolves.toMatchObject({ number: 1 })
    const raw = new DatabaseSync(path)
    expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    raw.close()
  })

  test('goes through every step since, in their order, once', async () => {
    await using folder = await temporaryFolder()
    const path = await fileOfForm(folder.path, 1)
    const taken: string[] = []
    const steps: Migration[] = ['first', 'second', 'third'].map((name) => (connection) => {
      taken.push(name)
      connection.exec(`CREATE TABLE "${name}" (x)`)
    })
    const connection = new SqliteConnection(path, { readOnly: false })
    claimFile(connection, path, steps)
    claimFile(connection, path, steps)
    expect(taken).toEqual(['second', 'third'])
    expect(connection.pragma('user_version')).toBe(3)
    connection.close()
  })

  test('stays as it was when a step fails', async () => {
    await using folder = await temporaryFolder()
    const path = await fileOfForm(folder.path, 1)
    const connection = new SqliteConnection(path, { readOnly: false })
    const steps: Migration[] = [
      () => {},
      (one) => one.exec('CREATE TABLE half (x)'),
      () => {
        throw new Error('no further')
      },
    ]
    expect(() => claimFile(connection, path, steps)).toThrow('no further')
    expect(connection.pragma('user_version')).toBe(1)
    expect(connection.prepare(`SELECT * FROM sqlite_schema WHERE name = 'half'`).all()).toEqual([])
    connection.close()
  })
})

describe('a file that a newer version migrates while this one has it open', () => {
  test('takes no more writes from this one, and soon gives it nothing to read', async () => {
    await using folder = await temporaryFolder()
    const path = await fileOfForm(folder.path, 1)
    await using database = await openSqliteDatabase({ path })
    await database.init([Photos])
    const photos = database.repository(Photos)
    setForm(path, 2)
    const refused = { code: 'NOT_IMPLEMENTED', message: expect.stringContaining('upgrade') }
    await expect(photos.insert(aPhoto(2))).rejects.toMatchObject(refused)
    await expect(photos.insertMany([aPhoto(2)])).rejects.toMatchObject(refused)
    await expect(photos.deleteMany({})).rejects.toMatchObject(refused)
    const inTransaction = database.transaction((tx) => tx.repository(Photos).insert(aPhoto(2)))
    await expect(inTransaction).rejects.toMatchObject(refused)
    await expect(database.drop()).rejects.toMatchObject(refused)
    await expect.poll(() => photos.count().catch(({ code }) => code)).toBe('NOT_IMPLEMENTED')
    setForm(path, 1)
    expect((await photos.find({})).map(({ number }) => number)).toEqual([1])
  })

  test('waits for a transaction of this one to end', async () => {
    await using folder = await temporaryFolder()
    const path = await fileOfForm(folder.path, 1)
    await using database = await openSqliteDatabase({ path })
    await database.init([Photos])
    await database.transaction(async (tx) => {
      await tx.repository(Photos).insert(aPhoto(2))
      expect(() => setForm(path, 2)).toThrow('locked')
    })
    await expect(database.repository(Photos).count()).resolves.toBe(2)
  })
})
