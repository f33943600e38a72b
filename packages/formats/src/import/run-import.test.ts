import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@mindtrace/core/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeLake } from '../testing/fake-lake.ts'
import { jpegBytes, pngBytes } from '../testing/image-bytes.ts'
import { labelXml, writeTree } from '../testing/voc-builder.ts'
import { openVoc } from '../voc/voc-source.ts'
import { type ImportOptions, type ImportProgress, runImport } from './run-import.ts'

let folder: TemporaryFolder
let fake: FakeLake

beforeEach(async () => {
  folder = await temporaryFolder()
  fake = new FakeLake()
  const files: Record<string, string | Uint8Array> = {}
  for (let index = 0; index < 10; index++) {
    files[`JPEGImages/${index}.jpg`] = jpegBytes({ scan: new Uint8Array(1000).fill(index) })
    files[`Annotations/${index}.xml`] = labelXml({
      filename: `${index}.jpg`,
      objects: [{ name: `class-${index}` }, { name: 'common' }],
    })
  }
  files['ImageSets/Main/train.txt'] = '0\n1\n2\n'
  files['ImageSets/Main/test.txt'] = '3\n4\n5\n6\n7\n8\n9\n'
  await writeTree(folder.path, files)
})

afterEach(async () => await folder[Symbol.asyncDispose]())

async function importAll(options: Partial<ImportOptions> = {}) {
  const source = await openVoc(folder.path, { name: 'set' })
  return await runImport(fake.lake, source, {
    dataset: 'set',
    version: '1',
    groupSamples: 3,
    groupsUnderWay: 1,
    nowMs: () => 0,
    ...options,
  })
}

const state = () => fake.sessions.get('set@1')?.state

describe('an import', () => {
  it('brings all samples in, in order, and reports what it did', async () => {
    const seen: ImportProgress[] = []
    const report = await importAll({ onProgress: (progress) => seen.push(progress) })
    const bytes = 10 * jpegBytes({ scan: new Uint8Array(1000) }).byteLength
    const counts = {
      assets: 10,
      datums: 10,
      annotation_sets: 10,
      annotations: 20,
      payload_bytes: bytes,
    }
    expect(report).toMatchObject({
      ...counts,
      dataset: 'set',
      version: '1',
      dataset_version_id: 'dataset_version_set',
      skipped: 0,
      unchanged: 0,
      written: counts,
      splits: { train: 3, test: 7 },
      labels: { common: 10, 'class-0': 1, 'class-9': 1 },
      findings_by_code: {},
      errors: [],
      seconds: 0,
    })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(state()).toBe('committed')
    expect(fake.samples('set', '1').map(({ ordinal }) => ordinal)).toEqual(
      Array.from({ length: 10 }, (_, index) => index),
    )
    expect(seen.map(({ done, total, phase }) => [done, total, phase])).toEqual([
      [0, 10, 'import'],
      [3, 10, 'import'],
      [6, 10, 'import'],
      [9, 10, 'import'],
      [10, 10, 'import'],
      [10, 10, 'commit'],
      [10, 10, 'done'],
    ])
  })

  it('tells the lake of labels before the groups that bring them', async () => {
    await importAll()
    const schema = fake.sessions.get('set@1')?.schemas.get('set-detection@1.0.0')
    expect(schema?.labels.map(({ name }) => name).sort()).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `class-${index}`),
      'common',
    ])
    expect(fake.begins).toBe(5) // once at first, then for each of the four groups
  })

  it('cuts groups by their bytes too', async () => {
    await importAll({ groupSamples: 100, groupBytes: 1 })
    expect(fake.groups).toBe(10)
  })

  it('leaves out what the source or the lake refuses, and says so', async () => {
    await writeTree(folder.path, { 'Annotations/2.xml': '<annotation>', 'JPEGImages/5.jpg': '' })
    fake.refused.add('JPEGImages/7.jpg')
    const report = await importAll()
    expect(report).toMatchObject({
      datums: 7,
      skipped: 3,
      error_count: 3,
      errors: [
        { code: 'broken_xml', path: 'Annotations/2.xml' },
        { code: 'image_empty', path: 'JPEGImages/5.jpg' },
        { code: 'VALIDATION_FAILED', path: 'JPEGImages/7.jpg' },
      ],
      findings_by_code: { broken_xml: 1, image_empty: 1 },
    })
    expect(state()).toBe('committed')
  })

  it.each([0, 1, 2, 3])('goes on where it failed before group %i', async (failing) => {
    fake.beforeGroup = (group) => {
      if (group === failing) throw new Error('the disk is full')
    }
    await expect(importAll()).rejects.toThrow('the disk is full')
    expect(state()).toBe('open')
    expect(fake.samples('set', '1')).toHaveLength(failing * 3)
    fake.beforeGroup = () => {}
    const report = await importAll()
    expect(report).toMatchObject({
      datums: 10,
      annotations: 20,
      unchanged: failing * 3,
      written: { datums: 10 - failing * 3 },
      errors: [],
    })
    expect(fake.samples('set', '1').map(({ source_key }) => source_key)).toEqual(
      Array.from({ length: 10 }, (_, index) => `JPEGImages/${index}.jpg`),
    )
  })

  it('knows what a group wrote whose answer was lost', async () => {
    fake.afterGroup = (group) => {
      if (group === 1) throw new Error('connection lost')
    }
    await expect(importAll()).rejects.toThrow('connection lost')
    fake.afterGroup = () => {}
    expect(await importAll()).toMatchObject({ datums: 10, unchanged: 6, written: { datums: 4 } })
  })

  describe('in place', () => {
    const inPlace = { mount: 'disk', prefix: 'sets/' }
    const names: string[] = []

    beforeEach(() => {
      names.length = 0
      fake.fileInPlace = async ({ mount, name }) => {
        names.push(name)
        expect(mount).toBe('disk')
        return await readFile(join(folder.path, name.slice('sets/'.length)))
      }
    })

    it('leaves the files where they are', async () => {
      const report = await importAll({ inPlace })
      expect(report).toMatchObject({ datums: 10, written: { datums: 10, payload_bytes: 0 } })
      expect(report.payload_bytes).toBeGreaterThan(10_000)
      expect(names.sort()).toEqual(
        Array.from({ length: 10 }, (_, index) => `sets/JPEGImages/${index}.jpg`),
      )
      expect(fake.samples('set', '1')[3]?.assets.image).toMatchObject({
        sha256: null,
        in_place: { mount: 'disk', name: 'sets/JPEGImages/3.jpg' },
      })
    })

    it('is the same import as with bytes, in either order', async () => {
      await importAll({ inPlace })
      expect(await importAll()).toMatchObject({ unchanged: 10, written: { datums: 0 } })
      fake.sessions.clear()
      await importAll()
      expect(await importAll({ inPlace })).toMatchObject({ unchanged: 10, written: { datums: 0 } })
    })

    it('tells another machine the hashes of the files', async () => {
      await importAll({ inPlace: { ...inPlace, compare: true } })
      const [sample] = fake.samples('set', '1')
      expect(sample?.assets.image?.sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(await importAll()).toMatchObject({ unchanged: 10 })
    })
  })

  it('repeated after its end finds everything unchanged and writes nothing', async () => {
    const first = await importAll()
    const groups = fake.groups
    const second = await importAll()
    expect(second).toMatchObject({
      datums: 10,
      annotations: 20,
      payload_bytes: first.payload_bytes,
      unchanged: 10,
      written: { datums: 0, payload_bytes: 0 },
      dataset_version_id: 'dataset_version_set',
    })
    expect(fake.groups).toBe(groups)
  })

  it('refuses to change a version that exists, and names the remedy', async () => {
    await importAll()
    await writeTree(folder.path, {
      'JPEGImages/3.jpg': pngBytes(),
      'JPEGImages/99.jpg': jpegBytes(),
    })
    await expect(importAll()).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/1 changed \(JPEGImages\/3\.jpg.*1 new.*another version/s),
      details: { changed: 1, new: 1, missing: 0 },
    })
    await writeTree(folder.path, { 'JPEGImages/4.jpg': '' })
    await expect(importAll()).rejects.toMatchObject({ details: { missing: 1 } })
    expect(fake.samples('set', '1')).toHaveLength(10)
  })

  it('does not mix two states of a source; a restart begins anew', async () => {
    fake.beforeGroup = (group) => {
      if (group === 2) throw new Error('stop')
    }
    await expect(importAll()).rejects.toThrow('stop')
    fake.beforeGroup = () => {}
    await writeTree(folder.path, {
      'Annotations/1.xml': labelXml({ filename: '1.jpg', objects: [{ name: 'other' }] }),
    })
    await expect(importAll()).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('restart'),
      details: { changed: 1 },
    })
    expect(state()).toBe('open')
    const report = await importAll({ restart: true })
    expect(report).toMatchObject({ datums: 10, unchanged: 0, labels: { other: 1 } })
  })

  it('an abort ends the group under way and leaves a journal to go on from', async () => {
    const abort = new AbortController()
    fake.beforeGroup = (group) => {
      if (group === 1) abort.abort(new Error('interrupted'))
    }
    await expect(importAll({ signal: abort.signal })).rejects.toThrow('interrupted')
    expect(fake.samples('set', '1')).toHaveLength(6)
    expect(state()).toBe('open')
    fake.beforeGroup = () => {}
    expect(await importAll()).toMatchObject({ datums: 10, unchanged: 6 })
  })

  it('an abort before the start touches nothing', async () => {
    const reason = new Error('too late')
    await expect(importAll({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(fake.begins).toBe(0)
  })
})
