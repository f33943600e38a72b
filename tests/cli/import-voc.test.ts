import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snapshotOf, viewRows } from './lake-snapshot.ts'
import { jsonLines, runCli, startCli } from './run-cli.ts'
import { put, tinyJpeg, vocXml, writeVocFolder } from './voc-folder.ts'

const run = promisify(execFile)
const data = process.env.MINDTRACE_TEST_DATA

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(async () => {
  await folder[Symbol.asyncDispose]()
})

const at = (...path: string[]) => join(folder.path, ...path)

describe.skipIf(data === undefined)('the BCCD set (MINDTRACE_TEST_DATA)', () => {
  const bccd = join(data ?? '', 'bccd')

  /** Boxes of a label file, read in a way of its own: zero-based, as decision 8 has them. */
  async function boxesOf(stem: string) {
    const xml = await readFile(join(bccd, 'BCCD/Annotations', `${stem}.xml`), 'utf8')
    return [...xml.matchAll(/<object>(.*?)<\/object>/gs)].map(([, object = '']) => {
      const number = (tag: string) => Number(new RegExp(`<${tag}>(.*?)</${tag}>`).exec(object)?.[1])
      const [xmin, ymin, xmax, ymax] = ['xmin', 'ymin', 'xmax', 'ymax'].map(number) as number[]
      return {
        label: /<name>(.*?)<\/name>/.exec(object)?.[1],
        corners: [xmin, ymin, xmax, ymax] as [number, number, number, number],
      }
    })
  }

  async function checkImported(address: string) {
    await using lake = await openLake(address, { create: false })
    let boxes = 0
    for await (const row of viewRows(lake, 'bccd', '1.0.0')) {
      const stem = String(row.metadata.source_image_id)
      expect(row.metadata.source_path).toMatch(new RegExp(`^(BCCD/)?JPEGImages/${stem}\\.jpg$`))
      const records = Object.values(row.annotation_records ?? {}).flat()
      const expected = await boxesOf(stem)
      expect(records).toHaveLength(expected.length)
      for (const [index, { label, corners }] of expected.entries()) {
        const [xmin, ymin, xmax, ymax] = corners
        // A few of BCCD's boxes begin at 0, which 1-based corners can't: they are cut at the edge.
        const x = Math.max(0, xmin - 1)
        const y = Math.max(0, ymin - 1)
        expect(records[index]).toMatchObject({
          label,
          kind: 'bbox',
          geometry: { x, y, width: Math.min(640, xmax) - x, height: Math.min(480, ymax) - y },
        })
        boxes += 1
      }
    }
    expect(boxes).toBe(4888)
  }

  test('is imported into a folder, box by box', async () => {
    const lake = at('bccd-lake')
    const args = ['import', 'voc', bccd, '--dataset', 'bccd', '--lake', lake, '--json']
    const { code, stdout } = await runCli(args)
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([
      {
        dataset: 'bccd',
        version: '1.0.0',
        assets: 364,
        datums: 364,
        annotations: 4888,
        skipped: 0,
        errors: [],
        splits: { train: 205, val: 87, test: 72 },
        labels: { RBC: 4155, WBC: 372, Platelets: 361 },
      },
    ])
    await checkImported(lake)
  })

  test('is imported through a service by the same command, into an equal lake', async () => {
    const lake = at('bccd-served')
    await using service = await serveLake(lake)
    const args = ['import', 'voc', bccd, '--dataset', 'bccd', '--lake', service.address, '--json']
    expect((await runCli(args)).code).toBe(0)
    await service[Symbol.asyncDispose]()
    await checkImported(lake)
    expect(await snapshotOf(lake, 'bccd', '1.0.0')).toEqual(
      await snapshotOf(at('bccd-lake'), 'bccd', '1.0.0'),
    )
  })
})

async function serveLake(lake: string) {
  const running = startCli(['serve', '--lake', lake, '--port', '0'])
  const address = /http:\S+/.exec(await running.saw('Ctrl-C'))?.[0] ?? ''
  let stopped: Promise<unknown> | undefined
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      if (stopped === undefined) running.process.kill('SIGINT')
      stopped ??= running.finished
      await stopped
    },
  }
}

describe('an import that is broken off', () => {
  const images = 1200
  const args = (lake: string) => [
    'import',
    'voc',
    at('many'),
    '--dataset',
    'parts',
    '--lake',
    lake,
    '--json',
  ]
  let undisturbed: Awaited<ReturnType<typeof snapshotOf>>

  beforeAll(async () => {
    await writeVocFolder(at('many'), images)
    expect((await runCli(args(at('undisturbed')))).code).toBe(0)
    undisturbed = await snapshotOf(at('undisturbed'), 'parts', '1.0.0')
    expect(undisturbed.rows).toHaveLength(images)
    expect(undisturbed.verified).toEqual({ ok: true, issues: [], assets_checked: images })
  })

  test('ends, after ten kills at random points, in the lake of an undisturbed one', async () => {
    const lake = at('killed')
    let kills = 0
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const running = startCli(args(lake))
      // From before the first write to after the last: the process lives for about a second.
      setTimeout(() => running.process.kill('SIGKILL'), 150 + Math.random() * 700)
      const { signal } = await running.finished
      if (signal === 'SIGKILL') kills += 1
    }
    expect(kills).toBeGreaterThan(0)
    const { code, stdout } = await runCli(args(lake))
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([{ datums: images, annotations: images, skipped: 0 }])
    expect(await snapshotOf(lake, 'parts', '1.0.0')).toEqual(undisturbed)
  }, 120_000)

  test('stops at an interrupt with 130, and the same command goes on', async () => {
    const lake = at('interrupted')
    const running = startCli(args(lake))
    await running.saw('import ')
    running.process.kill('SIGINT')
    const { code, stderr } = await running.finished
    expect([0, 130]).toContain(code)
    if (code === 130) expect(stderr).toContain('run the same command again')
    expect((await runCli(args(lake))).code).toBe(0)
    expect(await snapshotOf(lake, 'parts', '1.0.0')).toEqual(undisturbed)
  }, 60_000)

  test('and made by two at once, gives one dataset', async () => {
    const lake = at('twice')
    const both = await Promise.all([runCli(args(lake)), runCli(args(lake))])
    expect(both.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0])
    expect(await snapshotOf(lake, 'parts', '1.0.0')).toEqual(undisturbed)
  }, 60_000)

  test('changes nothing when it is repeated, and refuses other content under the same version', async () => {
    const lake = at('undisturbed')
    const { code, stdout } = await runCli(args(lake))
    expect(code).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([{ unchanged: images, written: { datums: 0 } }])

    const label = at('many/Annotations/part_00007.xml')
    const before = await readFile(label)
    await writeFile(label, vocXml('part_00007', [{ label: 'scratch', box: [2, 2, 5, 5] }]))
    const changed = await runCli(args(lake))
    await writeFile(label, before)
    expect(changed.code).toBe(1)
    expect(changed.stderr).toContain('parts@1.0.0 exists with other samples')
    expect(await snapshotOf(lake, 'parts', '1.0.0')).toEqual(undisturbed)
  })
})

// Only root may mount a small file system; CI runs as root.
describe.skipIf(process.getuid?.() !== 0)('a full disk (a tmpfs, as root)', () => {
  test('ends the import with what is wrong, and the same command goes on when there is room', async () => {
    await writeVocFolder(at('to-fill'), 200)
    const disk = at('disk')
    await mkdir(disk)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    try {
      const args = ['import', 'voc', at('to-fill'), '--dataset', 'x', '--lake', join(disk, 'lake')]
      const full = await runCli(args)
      expect(full.code).toBe(1)
      expect(full.stderr).toMatch(/full|no space/i)
      expect(full.stderr).not.toContain('unexpected')

      await run('mount', ['-o', 'remount,size=64m', disk])
      expect((await runCli(args)).code).toBe(0)
      expect(await snapshotOf(join(disk, 'lake'), 'x', '1.0.0')).toMatchObject({
        counts: { datums: 200 },
        verified: { ok: true, assets_checked: 200 },
      })
    } finally {
      await run('umount', [disk])
    }
  }, 60_000)
})

describe('bad input', () => {
  test('leaves out what is broken, says why and ends with 3', async () => {
    const source = at('bad')
    await writeVocFolder(source, 6)
    await put(source, 'Annotations/part_00000.xml', '<annotation><object><name>dent</name>')
    await rm(join(source, 'JPEGImages/part_00001.jpg'))
    await put(source, 'JPEGImages/part_00002.jpg', '')
    await put(source, 'JPEGImages/part_00003.jpg', 'this is no picture')
    await put(
      source,
      'Annotations/part_00004.xml',
      vocXml('../../x', [
        { label: 'never heard of', box: [1, 1, 4, 4] },
        { label: 'dent', box: [5, 5, 20, 20] },
        { label: 'dent', box: [30, 30, 40, 40] },
        { label: 'dent', box: [3, 3, 3, 2] },
      ]),
    )
    const longName = `${'ü'.repeat(125)}${'x'.repeat(1)}`
    await put(source, `JPEGImages/${longName}.jpg`, tinyJpeg('long'))
    await put(
      source,
      `Annotations/${longName}.xml`,
      vocXml(longName, [{ label: 'dent', box: [1, 1, 2, 2] }]),
    )
    await rm(join(source, 'ImageSets'), { recursive: true })

    const lake = at('bad-lake')
    const { code, stdout, stderr } = await runCli([
      'import',
      'voc',
      source,
      '--dataset',
      'bad',
      '--lake',
      lake,
      '--json',
    ])
    expect(code).toBe(3)
    const [report] = jsonLines(stdout)
    expect(report).toMatchObject({ datums: 3, skipped: 4, error_count: 4 })
    const errors = ((report?.errors ?? []) as { path: string; code: string }[]).map(
      ({ path, code }) => [path.replace(/.*\//, ''), code],
    )
    expect(errors).toEqual(
      expect.arrayContaining([
        ['part_00000.xml', 'broken_xml'],
        ['part_00002.jpg', 'image_empty'],
        ['part_00003.jpg', 'image_unreadable'],
      ]),
    )
    expect(report?.findings_by_code).toMatchObject({ box_clipped: 1 })
    expect(report?.labels).toMatchObject({ 'never heard of': 1 })
    expect(stderr).not.toContain('unexpected')
    const { verified } = await snapshotOf(lake, 'bad', '1.0.0')
    expect(verified.ok).toBe(true)
  })

  test.each([
    [['import', 'voc', '/no/such/folder', '--dataset', 'x'], 2, 'no such folder'],
    [['import', 'voc', '.', '--dataset', '@1'], 2, 'write NAME or NAME@VERSION'],
    [['import', 'voc', '.'], 2, "required option '--dataset"],
    [['ls', 'datasets', '--lake', '/no/such/lake'], 2, 'there is no lake'],
    [['ls', 'nonsense'], 2, "can't list 'nonsense'"],
    [['ls', 'assets', '--filter', '{'], 2, 'no JSON'],
    [['serve', '--port', '99999'], 2, 'from 0 to 65535'],
    [['frobnicate'], 2, 'unknown command'],
    [['ls', '--lake', 'http://127.0.0.1:1'], 1, 'is the service running?'],
  ])('%j ends with %i and says what is wrong', async (args, code, message) => {
    const ended = await runCli(args, { cwd: folder.path })
    expect(ended.code).toBe(code)
    expect(ended.stderr.toLowerCase()).toContain(message.toLowerCase())
    expect(ended.stderr).not.toMatch(/\n\s+at /)
  })

  test('does not make a lake where it may not write', async () => {
    await writeFile(at('a-file'), '')
    await writeVocFolder(at('few'), 2)
    const { code, stderr } = await runCli([
      'import',
      'voc',
      at('few'),
      '--dataset',
      'x',
      '--lake',
      at('a-file/lake'),
    ])
    expect(code).toBe(1)
    expect(stderr).toContain(at('a-file/lake'))
    expect(stderr).toContain('--lake')
  })

  test('says that the port is in use', async () => {
    await using service = await serveLake(at('port-lake'))
    const port = new URL(service.address).port
    const { code, stderr } = await runCli(['serve', '--lake', at('other-lake'), '--port', port])
    expect(code).toBe(1)
    expect(stderr).toContain(`port ${port}`)
    expect(stderr).toContain('--port 0')
  })
})

test('keeps no folder of its own beside the lake', async () => {
  await writeVocFolder(at('tidy-source'), 3)
  const lake = at('tidy')
  await runCli(['import', 'voc', at('tidy-source'), '--dataset', 'x', '--lake', lake])
  expect((await readdir(lake)).sort()).toEqual(['lake.db', 'main'])
})
