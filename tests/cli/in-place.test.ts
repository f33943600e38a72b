import { appendFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Asset } from '@mindtrace/contract'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snapshotOf } from './lake-snapshot.ts'
import { jsonLines, runCli, startCli } from './run-cli.ts'
import { put, tinyJpeg, writeVocFolder } from './voc-folder.ts'

const data = process.env.MINDTRACE_TEST_DATA

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
  await writeVocFolder(at('voc'), 5)
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

const at = (...path: string[]) => join(folder.path, ...path)

function importArgs(source: string, lake: string, ...more: string[]): string[] {
  return ['import', 'voc', source, '--dataset', 'parts', '--lake', lake, '--json', ...more]
}

async function serve(...args: string[]) {
  const running = startCli(['serve', '--port', '0', ...args])
  const address = /http:\S+/.exec(await running.saw('Ctrl-C'))?.[0] ?? ''
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      running.process.kill('SIGINT')
      await running.finished
    },
  }
}

async function firstAsset(lake: string): Promise<Asset> {
  const { stdout } = await runCli(['ls', 'assets', '--lake', lake, '--json'])
  return jsonLines(stdout)[0] as Asset
}

describe.skipIf(data === undefined)('the BCCD set (MINDTRACE_TEST_DATA), in place', () => {
  const bccd = join(data ?? '', 'bccd')

  test('is the dataset that its copy is, and is served without a flag', async () => {
    const lake = at('bccd-lake')
    const copy = at('bccd-copy')
    const placed = await runCli(importArgs(bccd, lake, '--in-place'))
    expect(placed.stderr).not.toContain('unexpected')
    expect(placed.code).toBe(0)
    expect(jsonLines(placed.stdout)).toMatchObject([
      { assets: 364, annotations: 4888, errors: [], written: { datums: 364, payload_bytes: 0 } },
    ])
    expect((await runCli(importArgs(bccd, copy))).code).toBe(0)
    const [one, other] = [
      await snapshotOf(lake, 'parts', '1.0.0'),
      await snapshotOf(copy, 'parts', '1.0.0'),
    ]
    expect(one.verified).toEqual({ ok: true, issues: [], assets_checked: 364 })
    expect(withoutPlaces(one.rows)).toEqual(withoutPlaces(other.rows))

    await using service = await serve('--lake', lake)
    const { asset_id, storage_ref } = await firstAsset(lake)
    const response = await fetch(`${service.address}/v1/assets/${asset_id}/payload`)
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.equals(await readFile(join(bccd, storage_ref.name)))).toBe(true)

    // The other way in finds the same samples.
    const again = await runCli(importArgs(bccd, lake))
    expect(jsonLines(again.stdout)).toMatchObject([{ unchanged: 364, written: { datums: 0 } }])
    const placedAgain = await runCli(importArgs(bccd, copy, '--in-place'))
    expect(jsonLines(placedAgain.stdout)).toMatchObject([{ unchanged: 364 }])
  }, 60_000)
})

/** Rows with the hash of each payload, whatever the place where it lies. */
function withoutPlaces(rows: unknown[]): unknown {
  return JSON.parse(
    JSON.stringify(rows, (key, value: unknown) =>
      key === 'storage_ref' || key === 'payload_storage_ref' || key === 'mindtrace'
        ? undefined
        : value,
    ),
  )
}

test('a lake remembers the folder; what changes there is told by verify and doctor', async () => {
  const lake = at('lake')
  const source = at('drifting')
  await writeVocFolder(source, 5)
  const args = importArgs(source, lake, '--in-place')
  expect((await runCli(args)).code).toBe(0)
  const verify = async (...more: string[]) => {
    const { code, stdout } = await runCli(['verify', '--lake', lake, '--json', ...more])
    return { code, report: jsonLines(stdout)[0] }
  }
  expect(await verify()).toMatchObject({
    code: 0,
    report: { ok: true, assets_checked: 5, payload_bytes_read: 0, errors: [], error_count: 0 },
  })
  const image = (index: number) => join(source, `JPEGImages/part_0000${index}.jpg`)
  const { asset_id } = await firstAsset(lake)
  const cat = await runCli(['cat', asset_id, '--lake', lake, '--out', at('out.jpg')])
  expect(cat.code).toBe(0)
  const original = await Promise.all([0, 1, 2, 3, 4].map((index) => readFile(image(index))))
  expect(original).toContainEqual(await readFile(at('out.jpg')))

  await appendFile(image(0), 'x')
  await writeFile(image(1), tinyJpeg('part_99999'))
  await writeFile(image(2), original[2] as Buffer)
  await rm(image(3))
  const codes = (report: unknown) =>
    ((report as { errors: { code: string }[] }).errors ?? []).map(({ code }) => code).toSorted()
  for (const more of [[], ['--read-data']]) {
    const { code, report } = await verify(...more)
    expect(code).toBe(3)
    expect(codes(report)).toEqual(['payload_changed', 'payload_changed', 'payload_missing'])
  }
  expect((await runCli(['doctor', '--lake', lake])).code).toBe(1)

  await rm(join(lake, 'mounts'), { recursive: true })
  const { code, report } = await verify()
  expect(code).toBe(3)
  expect(new Set(codes(report))).toEqual(new Set(['mount_missing']))
})

test('through a service its own mount is named, and must hold the same files', async () => {
  const lake = at('served.json')
  const plain = `${pathToFileURL(at('voc')).href}?layout=plain`
  const mounts = { main: 'file:served-main', pictures: plain, writable: 'file:other' }
  await writeFile(lake, JSON.stringify({ database: 'sqlite:served.db', mounts }))
  await using service = await serve('--lake', lake)
  const refused = async (code: number, message: string, ...more: string[]) => {
    const ended = await runCli(importArgs(at('voc'), service.address, '--in-place', ...more))
    expect(ended.stderr).toContain(message)
    expect(ended.code).toBe(code)
  }
  await refused(2, '--mount NAME')
  await refused(2, "no mount 'nowhere'", '--mount', 'nowhere')
  await refused(2, '?layout=plain', '--mount', 'writable')
  await writeVocFolder(at('elsewhere'), 2)
  await put(at('elsewhere'), 'JPEGImages/a.jpg', tinyJpeg('a'))
  const other = await runCli(
    importArgs(at('elsewhere'), service.address, '--in-place', '--mount', 'pictures'),
  )
  expect(other.code).toBe(2)
  expect(other.stderr).toContain('is it the folder that you import?')

  const args = importArgs(at('voc'), service.address, '--in-place', '--mount', 'pictures')
  const { code, stdout } = await runCli(args)
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toMatchObject([{ datums: 5, written: { payload_bytes: 0 } }])
  const again = await runCli(args)
  expect(jsonLines(again.stdout)).toMatchObject([{ unchanged: 5 }])
  expect(
    jsonLines(
      (await runCli(['verify', '--read-data', '--lake', service.address, '--json'])).stdout,
    ),
  ).toMatchObject([{ ok: true, assets_checked: 5 }])
})

test('of files that the service has other bytes of, each is refused', async () => {
  await writeVocFolder(at('mine'), 3)
  await writeVocFolder(at('theirs'), 3)
  await writeFile(at('theirs/JPEGImages/part_00001.jpg'), tinyJpeg('part_XXXXX'))
  const lake = at('theirs-lake')
  const mount = `pictures=${pathToFileURL(at('theirs')).href}?layout=plain`
  await using service = await serve(
    '--lake',
    lake,
    '--mount',
    `main=file:${at('theirs-main')}`,
    '--mount',
    mount,
  )
  const { code, stdout } = await runCli(
    importArgs(at('mine'), service.address, '--in-place', '--mount', 'pictures'),
  )
  expect(code).toBe(3)
  expect(jsonLines(stdout)).toMatchObject([
    { datums: 2, skipped: 1, errors: [{ code: 'CORRUPT', path: 'JPEGImages/part_00001.jpg' }] },
  ])
})

test('a lake.json is told the line that it lacks; a folder around the lake is refused', async () => {
  const lake = at('alone.json')
  await writeFile(lake, JSON.stringify({ database: 'sqlite:a.db', mounts: { main: 'file:a' } }))
  const lacks = await runCli(importArgs(at('voc'), lake, '--in-place'))
  expect(lacks.code).toBe(2)
  expect(lacks.stderr).toContain('to its "mounts"')
  await writeVocFolder(at('around'), 2)
  const around = await runCli(importArgs(at('around'), at('around/lake'), '--in-place'))
  expect(around.code).toBe(2)
  expect(around.stderr).toContain('keep the lake elsewhere')
  const alone = await runCli(importArgs(at('voc'), at('x'), '--mount', 'pictures'))
  expect(alone.code).toBe(2)
  expect(alone.stderr).toContain('write NAME=URL')
})

test('links are followed within the folder only', async () => {
  const source = at('links')
  await writeVocFolder(source, 2)
  await mkdir(at('outside'))
  await writeFile(at('outside/secret.jpg'), tinyJpeg('secret'))
  await symlink(at('outside/secret.jpg'), join(source, 'JPEGImages/out.jpg'))
  await symlink('part_00000.jpg', join(source, 'JPEGImages/in.jpg'))
  const { stdout } = await runCli(importArgs(source, at('links-lake'), '--in-place'))
  const [report] = jsonLines(stdout)
  expect(JSON.stringify(report?.errors ?? [])).not.toContain('unexpected')
  await using lake = await openLake(at('links-lake'), { create: false })
  const { assets } = await lake.assets.list({})
  const names = assets.map(({ storage_ref }) => storage_ref.name)
  expect(names).toContain('JPEGImages/part_00000.jpg')
  expect(names).not.toContain('JPEGImages/out.jpg')
  expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
})

test('ends, after kills at random points, in the lake of an undisturbed one', async () => {
  const images = 1200
  await writeVocFolder(at('many'), images)
  const args = (lake: string) => importArgs(at('many'), lake, '--in-place')
  expect((await runCli(args(at('undisturbed')))).code).toBe(0)
  const undisturbed = await snapshotOf(at('undisturbed'), 'parts', '1.0.0')
  expect(undisturbed.verified).toEqual({ ok: true, issues: [], assets_checked: images })
  const lake = at('killed')
  let kills = 0
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const running = startCli(args(lake))
    setTimeout(() => running.process.kill('SIGKILL'), 150 + Math.random() * 700)
    if ((await running.finished).signal === 'SIGKILL') kills += 1
  }
  expect(kills).toBeGreaterThan(0)
  const { code, stdout } = await runCli(args(lake))
  expect(code).toBe(0)
  expect(jsonLines(stdout)).toMatchObject([{ datums: images, skipped: 0 }])
  expect(await snapshotOf(lake, 'parts', '1.0.0')).toEqual(undisturbed)
}, 120_000)
