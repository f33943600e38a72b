import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { XMLParser } from 'fast-xml-parser'
import { describe, expect, it } from 'vitest'
import { writeSampleDataset } from './sample-dataset.ts'

const parser = new XMLParser({ isArray: (name) => name === 'object' })

async function readAnnotations(folder: string) {
  const files = (await readdir(join(folder, 'Annotations'))).sort()
  return Promise.all(files.map((file) => readFile(join(folder, 'Annotations', file), 'utf8')))
}

describe('writeSampleDataset', () => {
  it('writes images, annotations and splits that fit together', async () => {
    await using temporary = await temporaryFolder()
    const folder = join(temporary.path, 'nested', 'parts')
    const progress: number[] = []
    const sample = await writeSampleDataset(folder, {
      images: 12,
      onProgress: ({ done, total }) => progress.push(done / total),
    })
    expect(sample).toMatchObject({ folder, images: 12, reused: false })
    expect(sample.splits).toEqual({ train: 8, val: 2, test: 2 })
    expect(progress).toHaveLength(12)
    expect(progress.at(-1)).toBe(1)

    const images = (await readdir(join(folder, 'JPEGImages'))).sort()
    const annotations = (await readAnnotations(folder)).map((xml) => parser.parse(xml).annotation)
    expect(annotations.map((annotation) => annotation.filename)).toEqual(images)
    const objects = annotations.flatMap((annotation) => annotation.object ?? [])
    expect(objects).toHaveLength(sample.annotations)
    for (const { bndbox } of objects) {
      expect(bndbox.xmin).toBeGreaterThanOrEqual(1)
      expect(bndbox.ymin).toBeGreaterThanOrEqual(1)
      expect(bndbox.xmax).toBeGreaterThan(bndbox.xmin)
      expect(bndbox.ymax).toBeGreaterThan(bndbox.ymin)
      expect(bndbox.xmax).toBeLessThanOrEqual(960)
      expect(bndbox.ymax).toBeLessThanOrEqual(720)
    }

    const list = async (split: string) =>
      (await readFile(join(folder, 'ImageSets', 'Main', `${split}.txt`), 'utf8')).trim().split('\n')
    const [train, val, test] = [await list('train'), await list('val'), await list('test')]
    expect([...train, ...val, ...test].sort()).toEqual(
      images.map((image) => image.replace('.jpg', '')),
    )
    expect(await list('trainval')).toEqual([...train, ...val].sort())
  })

  it('draws the same labels from the same seed, and others from another', async () => {
    await using temporary = await temporaryFolder()
    const at = (name: string) => join(temporary.path, name)
    await writeSampleDataset(at('a'), { images: 4, seed: 3 })
    await writeSampleDataset(at('b'), { images: 4, seed: 3 })
    await writeSampleDataset(at('c'), { images: 4, seed: 4 })
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readAnnotations(at(name))))
    expect(b).toEqual(a)
    expect(c).not.toEqual(a)
  })

  it('leaves a whole sample as it is', async () => {
    await using temporary = await temporaryFolder()
    const folder = join(temporary.path, 'parts')
    const first = await writeSampleDataset(folder, { images: 3 })
    const before = await stat(join(folder, 'JPEGImages', 'part_0001.jpg'))
    const second = await writeSampleDataset(folder, { images: 3 })
    const after = await stat(join(folder, 'JPEGImages', 'part_0001.jpg'))
    expect(second).toEqual({ ...first, reused: true })
    expect(after.mtimeMs).toBe(before.mtimeMs)
  })

  it('takes an empty folder, and refuses one with anything else in it', async () => {
    await using temporary = await temporaryFolder()
    const folder = join(temporary.path, 'parts')
    await mkdir(folder)
    await writeSampleDataset(folder, { images: 1 })
    await expect(writeSampleDataset(folder, { images: 2 })).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    const foreign = join(temporary.path, 'mine')
    await mkdir(foreign)
    await writeFile(join(foreign, 'notes.txt'), 'keep')
    await expect(writeSampleDataset(foreign, { images: 1 })).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    expect(await readdir(foreign)).toEqual(['notes.txt'])
    expect((await readdir(temporary.path)).sort()).toEqual(['mine', 'parts'])
  })

  it('leaves nothing when it is interrupted', async () => {
    await using temporary = await temporaryFolder()
    const interruption = new AbortController()
    const reason = new Error('interrupted')
    const writing = writeSampleDataset(join(temporary.path, 'parts'), {
      images: 20,
      signal: interruption.signal,
      onProgress: ({ done }) => {
        if (done === 2) interruption.abort(reason)
      },
    })
    await expect(writing).rejects.toBe(reason)
    expect(await readdir(temporary.path)).toEqual([])
  })
})
