import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTick } from 'node:timers/promises'
import { temporaryFolder } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import { aPhoto, Photos, photoId } from '../../testing/photo.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

const filler = { metadata: { text: 'x'.repeat(4000) } }

/** A database in a folder, with so many documents. */
async function filled(path: string, count: number) {
  const database = await openSqliteDatabase({ path })
  await database.init([Photos])
  const photos = database.repository(Photos)
  await photos.insertMany(Array.from({ length: count }, (_, number) => aPhoto(number, filler)))
  return { database, photos, [Symbol.asyncDispose]: () => database.close() }
}

test('holds one moment, whole, while others write', async () => {
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'backup.db')
  await using source = await filled(join(folder.path, 'lake.db'), 5000)
  const { database, photos } = source
  let writing = true
  const writer = (async () => {
    for (let number = 5000; writing; number += 2) {
      await nextTick()
      // Pairs in one transaction: a copy that holds one without the other is no moment of the database.
      await database.transaction(async (tx) => {
        await tx.repository(Photos).insert(aPhoto(number))
        await tx.repository(Photos).insert(aPhoto(number + 1))
      })
    }
  })()
  const progress: number[] = []
  const { sizeBytes } = await database.backup(target, {
    onProgress: ({ doneBytes, totalBytes }) => progress.push(doneBytes / totalBytes),
  })
  writing = false
  await writer
  expect(sizeBytes).toBeGreaterThan(20_000_000)
  expect(progress).toEqual(progress.toSorted((a, b) => a - b))
  expect(progress.at(-1)).toBe(1)
  expect((await readdir(folder.path)).filter((name) => name.startsWith('backup'))).toEqual([
    'backup.db',
  ])

  await using restored = await openSqliteDatabase({ path: target })
  await restored.init([Photos])
  expect(await restored.check()).toEqual([])
  const count = await restored.repository(Photos).count()
  expect(count % 2).toBe(0)
  expect(count).toBeGreaterThanOrEqual(5000)
  expect(count).toBeLessThan(await photos.count())
  await expect(restored.repository(Photos).get(photoId(4999))).resolves.toMatchObject(filler)
})

test('never replaces a file, and leaves nothing behind when it is refused or aborted', async () => {
  await using folder = await temporaryFolder()
  await using source = await filled(join(folder.path, 'lake.db'), 3000)
  const target = join(folder.path, 'backup.db')
  const names = async () => (await readdir(folder.path)).filter((name) => !/^lake\.db/.test(name))

  const control = new AbortController()
  const reason = new Error('enough')
  const aborted = source.database.backup(target, {
    signal: control.signal,
    onProgress: () => control.abort(reason),
  })
  await expect(aborted).rejects.toBe(reason)
  expect(await names()).toEqual([])

  const nowhere = source.database.backup(join(folder.path, 'missing', 'backup.db'))
  await expect(nowhere).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  await writeFile(target, 'precious')
  const refused = { code: 'CONFLICT', message: expect.stringContaining(target) }
  await expect(source.database.backup(target)).rejects.toMatchObject(refused)
  expect(await names()).toEqual(['backup.db'])

  // Made by somebody else while the copy was under way.
  const late = join(folder.path, 'late.db')
  const overtaken = source.database.backup(late, {
    onProgress: () => writeFileSync(late, 'precious'),
  })
  await expect(overtaken).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(await names()).toEqual(['backup.db', 'late.db'])
})

test('killed in the middle leaves nothing under its name, and what it leaves goes with the next one', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lake.db')
  await (await filled(path, 3000)).database.close()
  const target = join(folder.path, 'backup.db')
  const others = ['backup.db.partial', 'my-backup.db.partial', `other.db.${'0'.repeat(32)}.partial`]
  for (const name of others) await writeFile(join(folder.path, name), 'of somebody else')
  const left = async () =>
    (await readdir(folder.path)).filter((name) => !/^lake/.test(name) && !others.includes(name))
  const code = `
    import { openSqliteDatabase } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const database = await openSqliteDatabase({ path: ${JSON.stringify(path)} })
    await database.backup(${JSON.stringify(target)}, { onProgress: () => {
      process.stdout.write('copying')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    } })
  `
  const child = spawn(
    process.execPath,
    [...process.execArgv, '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(child.stdout, 'data')
  await using database = await openSqliteDatabase({ path })
  const elsewhere = join(folder.path, 'elsewhere.db')
  await database.backup(elsewhere)
  await rm(elsewhere)
  // While the first is at work, its file is nobody else's to remove.
  const started = (await left()).filter((name) => name.endsWith('.partial'))
  expect(started).toHaveLength(1)
  await database.backup(target)
  expect(await left()).toEqual(expect.arrayContaining(['backup.db', ...started]))
  await rm(target)

  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await left()).not.toContain('backup.db')
  await database.backup(target)
  expect(await left()).toEqual(['backup.db'])
  expect(await readdir(folder.path)).toEqual(expect.arrayContaining(others))
})

// Only root may mount a small file system; CI runs as root.
test.skipIf(process.getuid?.() !== 0)(
  'a full disk ends it, leaves nothing, and it works when there is room (a tmpfs, as root)',
  async () => {
    await using folder = await temporaryFolder()
    await using source = await filled(join(folder.path, 'lake.db'), 1000)
    const disk = join(folder.path, 'disk')
    await mkdir(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    try {
      const target = join(disk, 'backup.db')
      await expect(source.database.backup(target)).rejects.toMatchObject({
        code: 'STORAGE_FULL',
        message: expect.stringContaining(target),
      })
      expect(await readdir(disk)).toEqual([])
      expect(await source.photos.count()).toBe(1000)
      execFileSync('mount', ['-o', 'remount,size=64m', disk])
      await source.database.backup(target)
      expect(await readdir(disk)).toEqual(['backup.db'])
    } finally {
      execFileSync('umount', [disk])
    }
  },
)

test('is refused for a database in memory', async () => {
  await using database = await openSqliteDatabase({ path: ':memory:' })
  await expect(database.backup('/nowhere/backup.db')).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
})
