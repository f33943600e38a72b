import { execFileSync } from 'node:child_process'
import { appendFile, copyFile, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, test } from 'vitest'
import { aPhoto, Photos, photoId } from '../../testing/photo.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

const filler = { metadata: { text: 'x'.repeat(2000) } }

async function opened(path: string) {
  const database = await openSqliteDatabase({ path })
  await database.init([Photos])
  return { database, photos: database.repository(Photos), path }
}

/** Overwrites a part of a file with what no database writes. */
async function damage(path: string, at: number, length: number): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(length, 0x5a), 0, length, at)
  await file.close()
}

// Only root may mount a small file system; CI runs as root.
describe.skipIf(process.getuid?.() !== 0)('a full disk (a tmpfs, as root)', () => {
  test('refuses writes, keeps what was acknowledged, and takes more when there is room', async () => {
    await using disk = await temporaryFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk.path])
    const path = join(disk.path, 'lake.db')
    const acknowledged: string[] = []
    try {
      const lake = await opened(path)
      try {
        const write = async () => {
          for (let number = 0; number < 5000; number += 1) {
            acknowledged.push((await lake.photos.insert(aPhoto(number, filler))).photo_id)
          }
        }
        const full = { code: 'STORAGE_FULL', message: expect.stringContaining(path) }
        await expect(write()).rejects.toMatchObject(full)
        expect(acknowledged.length).toBeGreaterThan(20)
        const pair = [
          aPhoto(6000, filler),
          ...Array.from({ length: 999 }, (_, n) => aPhoto(7000 + n)),
        ]
        await expect(lake.photos.insertMany(pair)).rejects.toMatchObject(full)
        expect(await lake.photos.count()).toBe(acknowledged.length)
        execFileSync('mount', ['-o', 'remount,size=64m', disk.path])
        expect((await lake.photos.insertMany(pair)).inserted).toHaveLength(1000)
      } finally {
        await lake.database.close()
      }
      await using again = (await opened(path)).database
      const photos = again.repository(Photos)
      expect((await photos.getMany(acknowledged)).size).toBe(acknowledged.length)
      expect(await photos.count()).toBe(acknowledged.length + 1000)
      expect(await again.check()).toEqual([])
    } finally {
      execFileSync('umount', [disk.path])
    }
  })
})

describe('a damaged file', () => {
  test('is CORRUPT wherever the damage is met, and its check names it', async () => {
    await using folder = await temporaryFolder()
    const whole = join(folder.path, 'whole.db')
    const lake = await opened(whole)
    await lake.photos.insertMany(Array.from({ length: 1000 }, (_, n) => aPhoto(n, filler)))
    await lake.database.close()
    const { size } = await stat(whole)
    for (const part of [0.02, 0.1, 0.35, 0.6, 0.9]) {
      const path = join(folder.path, `damaged-${part}.db`)
      await copyFile(whole, path)
      await damage(path, Math.floor((size * part) / 4096) * 4096, 16 * 4096)
      const outcomes: unknown[] = []
      const note = (error: unknown) => outcomes.push(error)
      const damaged = await opened(path).catch(note)
      if (typeof damaged === 'object') {
        const { database, photos } = damaged
        for (let n = 0; n < 1000; n += 50) await photos.get(photoId(n)).catch(note)
        await photos.find({}).catch(note)
        await photos.insertMany(Array.from({ length: 100 }, (_, n) => aPhoto(2000 + n))).catch(note)
        const findings = await database.check().catch((error: unknown) => [note(error)])
        expect(findings.length).toBeGreaterThan(0)
        await database.close()
      }
      expect(outcomes.length).toBeGreaterThan(0)
      for (const error of outcomes) {
        const known = isMindtraceError(error, 'CORRUPT') || isMindtraceError(error, 'NOT_FOUND')
        expect(known, String(error)).toBe(true)
      }
    }
  })

  test('cut short is CORRUPT, not empty', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'lake.db')
    const lake = await opened(path)
    await lake.photos.insertMany(Array.from({ length: 1000 }, (_, n) => aPhoto(n, filler)))
    await lake.database.close()
    const file = await open(path, 'r+')
    await file.truncate(Math.floor((await file.stat()).size / 2))
    await file.close()
    const read = opened(path).then(async ({ database, photos }) => {
      await using _ = database
      return await photos.find({})
    })
    await expect(read).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('a torn write-ahead log gives every transaction before the tear, whole', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'lake.db')
    const lake = await opened(path)
    for (let n = 0; n < 50; n += 2) {
      await lake.database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(n, filler))
        await tx.repository(Photos).insert(aPhoto(n + 1, filler))
      })
    }
    const torn = join(folder.path, 'torn.db')
    await copyFile(path, torn)
    await copyFile(`${path}-wal`, `${torn}-wal`)
    await lake.database.close()
    const { size } = await stat(`${torn}-wal`)
    await damage(`${torn}-wal`, Math.floor(size * 0.8), 200)
    await appendFile(`${torn}-wal`, 'the rest of a page that never was')
    await using database = (await opened(torn)).database
    const found = await database.repository(Photos).find({}, { sort: ['photo_id'] })
    expect(found.length % 2).toBe(0)
    expect(found.length).toBeGreaterThan(20)
    expect(found.length).toBeLessThan(50)
    expect(found.map(({ number }) => number)).toEqual(found.map((_, n) => n))
    expect(await database.check()).toEqual([])
  })
})
