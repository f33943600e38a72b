import { copyFile, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonLines, runCli, startCli } from './run-cli.ts'

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
  await using lake = await openLake(at('lake'))
  const { asset } = await lake.assets.createFromObject({
    name: 'one',
    data_base64: '',
    kind: 'image',
    media_type: 'image/jpeg',
  })
  for (let from = 0; from < assets - 1; from += 500) {
    await Promise.all(
      Array.from({ length: Math.min(500, assets - 1 - from) }, (_, offset) =>
        lake.assets.create({
          kind: 'image',
          media_type: 'image/jpeg',
          storage_ref: asset.storage_ref,
          metadata: { number: from + offset, filler: 'x'.repeat(500) },
        }),
      ),
    )
  }
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

const assets = 5000
const at = (...path: string[]) => join(folder.path, ...path)

async function countOf(address: string): Promise<number | undefined> {
  const { stdout } = await runCli(['stats', '--lake', address, '--json'])
  const [found] = jsonLines(stdout) as { counts?: Record<string, number> }[]
  return found?.counts?.assets
}

describe('mindtrace backup', () => {
  test('makes a file that restores the lake in the place of lake.db', async () => {
    const file = at('backup.db')
    const done = await runCli(['backup', file, '--lake', at('lake'), '--json'])
    expect(done).toMatchObject({ code: 0 })
    expect(jsonLines(done.stdout)).toEqual([{ path: file, size_bytes: (await stat(file)).size }])
    await using restored = await openLake(at('restored'))
    await restored[Symbol.asyncDispose]()
    await rm(at('restored'), { recursive: true })
    await openLake(at('restored')).then((lake) => lake[Symbol.asyncDispose]())
    await copyFile(file, at('restored', 'lake.db'))
    expect(await countOf(at('restored'))).toBe(assets)
  })

  test('says what it cannot back up, and where to', async () => {
    const remote = await runCli(['backup', at('x.db'), '--lake', 'http://127.0.0.1:1'])
    expect(remote).toMatchObject({ code: 2, stderr: expect.stringContaining('where it runs') })
    const mongo = ['--lake', at('lake'), '--database', 'mongodb://127.0.0.1:1/records']
    expect(await runCli(['backup', at('x.db'), ...mongo])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('mongodump'),
    })
    const none = await runCli(['backup', at('x.db'), '--lake', at('nowhere')])
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no lake') })
    const taken = await runCli(['backup', at('lake', 'lake.db'), '--lake', at('lake')])
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') })
    expect(await readdir(folder.path)).not.toContain('x.db')
  })
})

describe('mindtrace db copy', () => {
  test('goes on after it was killed, and then verifies only', async () => {
    const copy = ['db', 'copy', '--from', at('lake'), '--to', `sqlite:${at('copy.db')}`]
    const killed = startCli(copy)
    await killed.saw('copying')
    killed.process.kill('SIGKILL')
    await killed.finished
    const finished = await runCli([...copy, '--json'])
    expect(finished).toMatchObject({ code: 0 })
    const [report] = jsonLines(finished.stdout)
    expect(report?.documents).toBeGreaterThanOrEqual(assets)
    const again = await runCli([...copy, '--json'])
    expect(jsonLines(again.stdout)).toMatchObject([{ copied: 0, documents: report?.documents }])
    const people = await runCli(copy)
    expect(people.stdout).toMatch(/datalake_assets +5,000 +0 +[0-9a-f]{16}/)
  })

  test('refuses what is no source, and a target of another lake', async () => {
    const missing = ['db', 'copy', '--from', `sqlite:${at('none.db')}`, '--to', at('copy.db')]
    expect(await runCli(missing)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('none'),
    })
    const remote = ['db', 'copy', '--from', 'http://127.0.0.1:1', '--to', `sqlite:${at('y.db')}`]
    expect(await runCli(remote)).toMatchObject({ code: 2 })
    await openLake(at('other')).then(async (lake) => {
      await lake.assets.createFromObject({
        name: 'two',
        data_base64: '',
        kind: 'image',
        media_type: 'image/jpeg',
      })
      await lake[Symbol.asyncDispose]()
    })
    const mixed = await runCli(['db', 'copy', '--from', at('lake'), '--to', at('other'), '--json'])
    expect(mixed.code).toBe(1)
    expect(jsonLines(mixed.stdout)).toMatchObject([{ error: { code: 'CONFLICT' } }])
  })
})

test('mindtrace doctor names a damaged file and the remedy', async () => {
  await using lake = await openLake(at('damaged'))
  await lake[Symbol.asyncDispose]()
  await copyFile(at('lake', 'lake.db'), at('damaged', 'lake.db'))
  const file = await open(at('damaged', 'lake.db'), 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.alloc(size / 4, 0x5a), 0, size / 4, Math.floor(size / 2 / 4096) * 4096)
  await file.close()
  const doctor = await runCli(['doctor', '--lake', at('damaged')])
  expect(doctor.code).toBe(1)
  expect(doctor.stdout).toMatch(/failed {3}(database|lake): .*backup/)
})
