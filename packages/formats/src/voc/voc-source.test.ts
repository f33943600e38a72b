import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { wholeFileBytes } from '../images/payload-file.ts'
import { collect } from '../testing/collected.ts'
import { bmpBytes, jpegBytes, pngBytes, tiffBytes } from '../testing/image-bytes.ts'
import { boxXml, labelXml, type ObjectShape, writeTree } from '../testing/voc-builder.ts'
import { openVoc, type VocOptions } from './voc-source.ts'

async function read(files: Record<string, string | Uint8Array>, options: VocOptions = {}) {
  await using folder = await temporaryFolder()
  await writeTree(folder.path, files)
  const source = await openVoc(folder.path, { name: 'set', ...options })
  return Object.assign(await collect(source), { source })
}

const pair = (objects: readonly ObjectShape[], size: readonly [number, number] = [100, 80]) => ({
  'JPEGImages/a.jpg': jpegBytes(),
  'Annotations/a.xml': labelXml({ objects, size }),
})

const box = (xmin: number, ymin: number, xmax: number, ymax: number) =>
  [xmin, ymin, xmax, ymax] as const

describe('a VOC folder', () => {
  it('gives an image with its boxes, complete and without a default left open', async () => {
    const found = await read({
      ...pair([{ name: 'gizmo', more: '<truncated>1</truncated><pose>Left</pose><id>4</id>' }]),
      'ImageSets/Main/train.txt': 'a\n',
    })
    const { sample, payloads } = found.sample('JPEGImages/a.jpg')
    expect(sample).toEqual({
      source_key: 'JPEGImages/a.jpg',
      split: 'train',
      metadata: { source_image_id: 'a', source_path: 'JPEGImages/a.jpg' },
      assets: {
        image: {
          kind: 'image',
          media_type: 'image/jpeg',
          size_bytes: jpegBytes().byteLength,
          sha256: null,
          metadata: {
            source_image_id: 'a',
            source_path: 'JPEGImages/a.jpg',
            width: 100,
            height: 80,
          },
        },
      },
      annotation_sets: [
        {
          name: 'set-detection',
          purpose: 'ground_truth',
          source_type: 'human',
          status: 'active',
          schema: { name: 'set-detection', version: '1.0.0' },
          metadata: { source_dataset: 'pascal_voc' },
          records: [
            {
              kind: 'bbox',
              label: 'gizmo',
              label_id: null,
              score: null,
              source: { type: 'human', name: 'pascal-voc', version: null, metadata: {} },
              geometry: { type: 'bbox', x: 10, y: 20, width: 20, height: 20 },
              attributes: { difficult: 0, truncated: 1, occluded: 0, pose: 'Left', id: 4 },
              metadata: {},
              subject_role: 'image',
              mask_role: null,
            },
          ],
        },
      ],
    })
    expect(payloads.image).toEqual(jpegBytes())
    expect(found.findings).toEqual([])
    expect(found.source.total).toBe(1)
  })

  it('is found up to two levels below the given folder, with all its years', async () => {
    const found = await read({
      'VOCdevkit/VOC2007/JPEGImages/000001.jpg': jpegBytes(),
      'VOCdevkit/VOC2007/Annotations/000001.xml': labelXml({ filename: '000001.jpg' }),
      'VOCdevkit/VOC2007/ImageSets/Main/test.txt': '000001\n',
      'VOCdevkit/VOC2012/JPEGImages/000001.jpg': jpegBytes(),
      'VOCdevkit/VOC2012/Annotations/000001.xml': labelXml({ filename: '000001.jpg' }),
      'VOCdevkit/VOC2012/ImageSets/Main/val.txt': '000001\n',
      'VOCdevkit/cover.png': pngBytes(),
    })
    expect(found.samples.map(({ sample }) => [sample.source_key, sample.split])).toEqual([
      ['VOCdevkit/VOC2007/JPEGImages/000001.jpg', 'test'],
      ['VOCdevkit/VOC2012/JPEGImages/000001.jpg', 'val'],
    ])
    expect(found.of('not_imported')).toMatchObject([{ path: 'VOCdevkit/cover.png' }])
  })

  it('may be images with label files beside them, in folders that name the split', async () => {
    const found = await read({
      'train/a.JPG': jpegBytes(),
      'train/a.xml': labelXml({ filename: 'a.JPG' }),
      'valid/a.png': pngBytes(),
      'valid/a.xml': labelXml({ filename: 'a.png' }),
      'test/deep/images/b.BMP': bmpBytes(),
      'test/deep/annotations/b.xml': labelXml({ filename: 'b.BMP' }),
      'notes.txt': 'x',
    })
    expect(found.samples.map(({ sample }) => [sample.source_key, sample.split])).toEqual([
      ['test/deep/images/b.BMP', 'test'],
      ['train/a.JPG', 'train'],
      ['valid/a.png', 'val'],
    ])
    expect(found.findings).toEqual([])
    for (const key of found.keys()) expect(found.records(key)).toHaveLength(1)
  })

  it('refuses a folder that is none, is absent, or holds nothing', async () => {
    await using folder = await temporaryFolder()
    await writeTree(folder.path, { 'x.txt': '' })
    await expect(openVoc(join(folder.path, 'no'))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(openVoc(join(folder.path, 'x.txt'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
    await expect(openVoc(folder.path)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('gives the same samples in the same order each time', async () => {
    await using folder = await temporaryFolder()
    const files: Record<string, string | Uint8Array> = {}
    for (let index = 0; index < 40; index++) {
      files[`JPEGImages/${index}.jpg`] = jpegBytes()
      files[`Annotations/${index}.xml`] = labelXml({ filename: `${index}.jpg` })
    }
    await writeTree(folder.path, files)
    const source = await openVoc(folder.path, { readAhead: 3 })
    const first = await collect(source)
    const second = await collect(await openVoc(folder.path, { readAhead: 40 }))
    expect(second.samples).toEqual(first.samples)
    expect((await collect(source)).keys()).toEqual([...first.keys()].sort())
  })

  it('stops at an abort between samples', async () => {
    await using folder = await temporaryFolder()
    await writeTree(folder.path, { 'a.jpg': jpegBytes(), 'b.jpg': jpegBytes() })
    const source = await openVoc(folder.path)
    const abort = new AbortController()
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const event of source.samples({ signal: abort.signal })) {
        seen.push(event)
        abort.abort(new Error('enough'))
      }
    })()
    await expect(reading).rejects.toThrow('enough')
    expect(seen).toHaveLength(1)
  })
})

describe('splits', () => {
  const files = {
    'JPEGImages/a.jpg': jpegBytes(),
    'JPEGImages/b.jpg': jpegBytes(),
    'JPEGImages/c.jpg': jpegBytes(),
    'JPEGImages/d.jpg': jpegBytes(),
    'JPEGImages/e.jpg': jpegBytes(),
    'ImageSets/Main/train.txt': '\uFEFFa\r\n\r\na\r\n',
    'ImageSets/Main/val.txt': 'b.jpg\na\n',
    'ImageSets/Main/test.txt': 'JPEGImages/d 1\n',
    'ImageSets/Main/trainval.txt': 'a\nb\nc\n',
  }
  const splits = (found: Awaited<ReturnType<typeof read>>) =>
    Object.fromEntries(
      found.samples.map(({ sample }) => [sample.metadata.source_image_id, sample.split]),
    )

  it('come from the lists; trainval alone gives none', async () => {
    const found = await read(files)
    expect(splits(found)).toEqual({ a: 'train', b: 'val', c: null, d: 'test', e: null })
    expect(found.of('unlisted').map(({ path }) => path)).toEqual(['JPEGImages/e.jpg'])
    expect(found.of('duplicate_listing').map(({ path }) => path)).toEqual([
      'ImageSets/Main/train.txt',
      'JPEGImages/a.jpg',
    ])
  })

  it('choose a part of the set', async () => {
    expect(splits(await read(files, { splits: ['trainval'] }))).toEqual({
      a: 'train',
      b: 'val',
      c: null,
    })
    expect(splits(await read(files, { splits: ['val', 'test'] }))).toEqual({ b: 'val', d: 'test' })
    await expect(
      read({ 'JPEGImages/a.jpg': jpegBytes() }, { splits: ['test'] }),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('are null without lists', async () => {
    const found = await read({ 'JPEGImages/a.jpg': jpegBytes() })
    expect(splits(found)).toEqual({ a: null })
    expect(found.of('unlisted')).toEqual([])
  })
})

describe('boxes', () => {
  const geometries = (found: Awaited<ReturnType<typeof read>>) =>
    found.records('JPEGImages/a.jpg').map(({ geometry }) => geometry)

  it('that stick out are clipped, with both in the finding', async () => {
    const found = await read(pair([{ box: box(0, 1, 120, 80) }]))
    expect(geometries(found)).toEqual([{ type: 'bbox', x: 0, y: 0, width: 100, height: 80 }])
    expect(found.of('box_clipped')).toEqual([
      {
        level: 'warning',
        code: 'box_clipped',
        path: 'Annotations/a.xml',
        message: 'the box of gizmo sticks out of the image',
        object: 0,
        before: { x: -1, y: 0, width: 121, height: 80 },
        after: { x: 0, y: 0, width: 100, height: 80 },
      },
    ])
  })

  it('without area in the image, or without numbers, are left out with a finding', async () => {
    const found = await read(
      pair([
        { box: box(200, 1, 300, 10) },
        { box: box(30, 1, 20, 10) },
        { box: ['nan', 1, 20, 10] },
        { box: null },
        { name: '' },
        { name: 'kept' },
      ]),
    )
    expect(found.records('JPEGImages/a.jpg').map(({ label }) => label)).toEqual(['kept'])
    expect(found.findings.map(({ code, object }) => [code, object])).toEqual([
      ['box_outside', 0],
      ['box_empty', 1],
      ['box_invalid', 2],
      ['box_missing', 3],
      ['object_unnamed', 4],
    ])
    expect(found.skipped).toBe(0)
  })

  it('keep fractions', async () => {
    const found = await read(pair([{ box: box(1.5, 2.25, 10.75, 20) }]))
    expect(geometries(found)).toEqual([
      { type: 'bbox', x: 0.5, y: 1.25, width: 10.25, height: 18.75 },
    ])
  })

  it("have the reference's numbers when asked to, clipped nowhere", async () => {
    const found = await read(pair([{ box: box(1.5, 2, 120, 8) }, { box: box(5, 5, 5, 5) }]), {
      boxConvention: 'reference',
    })
    expect(geometries(found)).toEqual([
      { type: 'bbox', x: 1, y: 2, width: 119, height: 6 },
      { type: 'bbox', x: 5, y: 5, width: 0, height: 0 },
    ])
    expect(found.of('box_kept_outside')).toHaveLength(2)
    expect(found.source.metadata).toMatchObject({ bbox_convention: 'reference' })
  })

  it('of parts are kept with their object, converted and clipped alike', async () => {
    const part = (name: string, corners: readonly number[]) =>
      `<part><name>${name}</name>${boxXml(corners)}</part>`
    const found = await read(
      pair([
        {
          name: 'person',
          more: part('head', [1, 1, 10, 10]) + part('foot', [1, 70, 10, 90]),
        },
      ]),
    )
    expect(found.records('JPEGImages/a.jpg')[0]?.attributes).toMatchObject({
      parts: [
        { name: 'head', x: 0, y: 0, width: 10, height: 10 },
        { name: 'foot', x: 0, y: 69, width: 10, height: 11 },
      ],
    })
    expect(found.of('box_clipped')).toHaveLength(1)
  })

  it('are measured by the image, not by what the label file says', async () => {
    const found = await read(pair([{ box: box(1, 1, 100, 80) }], [50, 40]))
    expect(geometries(found)).toEqual([{ type: 'bbox', x: 0, y: 0, width: 100, height: 80 }])
    expect(found.of('size_mismatch')).toMatchObject([
      { before: { width: 50, height: 40 }, after: { width: 100, height: 80 } },
    ])
  })

  it('carry flags as 0 or 1, and say when the file had neither', async () => {
    const found = await read(
      pair([{ more: '<truncated>0.3</truncated><difficult>true</difficult><occluded/>' }]),
    )
    expect(found.records('JPEGImages/a.jpg')[0]?.attributes).toEqual({
      difficult: 1,
      truncated: 1,
      occluded: 0,
      pose: 'Unspecified',
    })
    expect(found.of('flag_invalid')).toMatchObject([{ before: '0.3', after: 1 }])
  })
})

describe('classes', () => {
  it("have VOC's ids when all are VOC's own", async () => {
    const found = await read(
      pair([
        { name: 'person', more: `<part><name>head</name>${boxXml([1, 1, 2, 2])}</part>` },
        { name: 'aeroplane' },
      ]),
    )
    const records = found.records('JPEGImages/a.jpg')
    expect(records.map(({ label, label_id }) => [label, label_id])).toEqual([
      ['person', 15],
      ['aeroplane', 1],
    ])
    expect(found.source.schemas.map(({ name, labels }) => [name, labels.length])).toEqual([
      ['pascal-voc-detection', 20],
    ])
  })

  it('are what the data says, without ids, when one is not', async () => {
    const found = await read({
      ...pair([{ name: 'person' }]),
      'JPEGImages/b.jpg': jpegBytes(),
      'Annotations/b.xml': labelXml({ filename: 'b.jpg', objects: [{ name: 'RBC' }] }),
    })
    expect(found.records('JPEGImages/a.jpg')[0]).toMatchObject({ label: 'person', label_id: null })
    expect(found.records('JPEGImages/b.jpg')[0]).toMatchObject({ label: 'RBC', label_id: null })
    expect(found.source.schemas[0]).toMatchObject({ name: 'set-detection', labels: [] })
  })

  it('of whole images come from the class lists', async () => {
    const found = await read({
      ...pair([{ name: 'dog' }]),
      'ImageSets/Main/train.txt': 'a\n',
      'ImageSets/Main/dog_train.txt': 'a  1\n',
      'ImageSets/Main/cat_train.txt': 'a  1\nmalformed\n',
      'ImageSets/Main/bird_train.txt': 'a -1\n',
      'ImageSets/Main/boat_train.txt': 'a  0\n',
    })
    expect(found.records('JPEGImages/a.jpg', 'classification')).toMatchObject([
      { label: 'cat', label_id: 8, geometry: {}, attributes: { layer: 'classification' } },
      { label: 'dog', label_id: 12 },
    ])
    expect(found.source.schemas.map(({ name }) => name)).toEqual([
      'pascal-voc-classification',
      'pascal-voc-detection',
    ])
  })
})

describe('masks', () => {
  const masks = {
    ...pair([{ name: 'cat' }]),
    'SegmentationClass/a.png': pngBytes({ value: 8 }),
    'SegmentationObject/a.png': pngBytes({ value: 1 }),
  }

  it('are assets of the sample with one record each', async () => {
    const found = await read(masks)
    const { sample, payloads } = found.sample('JPEGImages/a.jpg')
    expect(Object.keys(sample.assets)).toEqual(['image', 'semantic_mask', 'instance_mask'])
    expect(sample.assets.semantic_mask).toMatchObject({
      kind: 'mask',
      media_type: 'image/png',
      sha256: null,
      metadata: {
        source_path: 'SegmentationClass/a.png',
        mask_encoding: 'class_id',
        background_id: 0,
        ignore_index: 255,
        width: 100,
      },
    })
    expect(payloads.instance_mask).toEqual(pngBytes({ value: 1 }))
    expect(found.records('JPEGImages/a.jpg', 'mask')).toMatchObject([
      { label: 'semantic_mask', mask_role: 'semantic_mask', geometry: { type: 'mask' } },
      { label: 'instance_mask', mask_role: 'instance_mask' },
    ])
    expect(sample.annotation_sets.at(-1)?.name).toBe('pascal-voc-segmentation')
  })

  it('that are broken, of another size, of another split or of no image are findings', async () => {
    const found = await read({
      ...masks,
      'SegmentationClass/a.png': pngBytes({ width: 3, height: 3 }),
      'SegmentationObject/a.png': 'no png',
      'SegmentationClass/b.png': pngBytes(),
      'SegmentationClass/c.png': pngBytes(),
      'JPEGImages/c.jpg': jpegBytes(),
      'ImageSets/Main/train.txt': 'a\nc\n',
      'ImageSets/Segmentation/val.txt': 'c\n',
    })
    expect(found.of('mask_size_mismatch')).toHaveLength(1)
    expect(found.of('mask_unreadable')).toMatchObject([{ path: 'SegmentationObject/a.png' }])
    expect(found.of('mask_missing_image')).toMatchObject([{ path: 'SegmentationClass/b.png' }])
    expect(found.of('mask_other_split')).toMatchObject([{ path: 'SegmentationClass/c.png' }])
    expect(Object.keys(found.sample('JPEGImages/a.jpg').sample.assets)).toEqual([
      'image',
      'semantic_mask',
    ])
    expect(Object.keys(found.sample('JPEGImages/c.jpg').sample.assets)).toEqual(['image'])
  })
})

describe('bad input', () => {
  const good = {
    'JPEGImages/z.jpg': jpegBytes(),
    'Annotations/z.xml': labelXml({ filename: 'z.jpg' }),
  }

  it.each([
    ['broken_xml', { 'Annotations/a.xml': '<annotation><object>' }, 'Annotations/a.xml'],
    ['image_empty', { 'JPEGImages/a.jpg': '' }, 'JPEGImages/a.jpg'],
    ['image_unreadable', { 'JPEGImages/a.jpg': 'hello' }, 'JPEGImages/a.jpg'],
    ['image_truncated', { 'JPEGImages/a.jpg': jpegBytes().subarray(0, -2) }, 'JPEGImages/a.jpg'],
    [
      'label_too_large',
      { 'Annotations/a.xml': new Uint8Array(16 * 1024 * 1024 + 1).fill(32) },
      'Annotations/a.xml',
    ],
  ] as const)('%s leaves the sample out and goes on', async (code, bad, path) => {
    const found = await read({ ...good, ...pair([{}]), ...bad })
    expect(found.keys()).toEqual(['JPEGImages/z.jpg'])
    expect(found.findings).toMatchObject([{ level: 'error', code, path }])
    expect(found.skipped).toBe(1)
    expect(found.source.total).toBe(2)
  })

  it('an image that only a list or a label file knows is missing, once', async () => {
    const found = await read({
      ...good,
      'ImageSets/Main/train.txt': 'z\nlisted\nboth\n',
      'Annotations/both.xml': labelXml({ filename: 'both.jpg' }),
      'Annotations/orphan.xml': labelXml({ filename: 'orphan.jpg' }),
    })
    expect(found.of('image_missing').map(({ path }) => path)).toEqual([
      'JPEGImages/listed',
      'JPEGImages/both',
      'Annotations/orphan.xml',
    ])
    expect(found.skipped).toBe(3)
    expect(found.source.total).toBe(4)
  })

  it('an image without a label file is taken, without a detection set', async () => {
    const found = await read({ ...good, 'JPEGImages/a.png': pngBytes() })
    expect(found.sample('JPEGImages/a.png').sample.annotation_sets).toEqual([])
    expect(found.of('label_missing')).toMatchObject([{ path: 'JPEGImages/a.png' }])
    const empty = await read(pair([]))
    expect(empty.sample('JPEGImages/a.jpg').sample.annotation_sets).toMatchObject([{ records: [] }])
  })

  it('names that lead out of the folder open nothing', async () => {
    await using folder = await temporaryFolder()
    await writeTree(folder.path, {
      'secret.jpg': jpegBytes(),
      'secret.xml': labelXml({ filename: 'secret.jpg' }),
      'set/JPEGImages/own.jpg': jpegBytes(),
      'set/Annotations/own.xml': labelXml({
        filename: '../../secret.jpg',
        path: '/home/x/own.jpg',
      }),
      'set/Annotations/none.xml': labelXml({ filename: '../../secret.jpg' }),
      'set/ImageSets/Main/train.txt': '../../secret\n/etc/passwd\nC:\\x\nown\n',
    })
    const found = await collect(await openVoc(join(folder.path, 'set')))
    expect(found.keys()).toEqual(['JPEGImages/own.jpg'])
    expect(found.of('path_outside').map(({ level, path }) => [level, path])).toEqual([
      ['warning', 'ImageSets/Main/train.txt'],
      ['warning', 'ImageSets/Main/train.txt'],
      ['warning', 'ImageSets/Main/train.txt'],
      ['error', 'Annotations/none.xml'],
      ['warning', 'Annotations/own.xml'],
    ])
  })

  it('links are followed inside the folder only, and never in circles', async () => {
    await using folder = await temporaryFolder()
    await writeTree(folder.path, {
      'secret.jpg': jpegBytes(),
      'set/originals/b.jpg': jpegBytes(),
      'set/JPEGImages/a.jpg': jpegBytes(),
    })
    const inSet = (path: string) => join(folder.path, 'set', path)
    await symlink('../../secret.jpg', inSet('JPEGImages/out.jpg'))
    await symlink('../originals/b.jpg', inSet('JPEGImages/b.jpg'))
    await symlink('../JPEGImages', inSet('JPEGImages/circle'))
    await symlink('nowhere.jpg', inSet('JPEGImages/gone.jpg'))
    const found = await collect(await openVoc(join(folder.path, 'set')))
    expect(found.keys()).toEqual(['JPEGImages/a.jpg', 'JPEGImages/b.jpg'])
    expect(found.of('path_outside')).toMatchObject([{ path: 'JPEGImages/out.jpg' }])
    expect(found.of('not_imported')).toMatchObject([{ path: 'JPEGImages/gone.jpg' }])
  })

  it('two folders with the same base name stay apart', async () => {
    const found = await read({
      'x/a.jpg': jpegBytes({ width: 10 }),
      'x/a.xml': labelXml({ size: [10, 80], objects: [{ name: 'one', box: box(1, 1, 2, 2) }] }),
      'y/a.jpg': jpegBytes({ width: 20 }),
      'y/a.xml': labelXml({ size: [20, 80], objects: [{ name: 'two', box: box(1, 1, 2, 2) }] }),
    })
    expect(found.keys()).toEqual(['x/a.jpg', 'y/a.jpg'])
    expect(found.records('x/a.jpg')[0]?.label).toBe('one')
    expect(found.records('y/a.jpg')[0]?.label).toBe('two')
    expect(found.findings).toEqual([])
  })

  it('a label file for two images of one stem belongs to the one it names', async () => {
    const found = await read({
      'JPEGImages/a.jpg': jpegBytes(),
      'JPEGImages/a.png': pngBytes(),
      'Annotations/a.xml': labelXml({ filename: 'a.png' }),
    })
    expect(found.records('JPEGImages/a.jpg')).toEqual([])
    expect(found.records('JPEGImages/a.png')).toHaveLength(1)
    expect(found.of('same_stem')).toHaveLength(2)
    expect(found.of('label_missing')).toMatchObject([{ path: 'JPEGImages/a.jpg' }])
  })

  it('a label file of another name is found by the image it names', async () => {
    const found = await read({
      'JPEGImages/photo.jpg': jpegBytes(),
      'Annotations/0001.xml': labelXml({ filename: 'photo.jpg' }),
    })
    expect(found.records('JPEGImages/photo.jpg')).toHaveLength(1)
    expect(found.of('filename_mismatch')).toMatchObject([{ path: 'Annotations/0001.xml' }])
  })

  it('a label file that names another image is taken for its own, and says so', async () => {
    const found = await read({
      'JPEGImages/a.jpg': jpegBytes(),
      'Annotations/a.xml': labelXml({ filename: 'original.jpg' }),
    })
    expect(found.of('filename_mismatch')).toMatchObject([
      { before: 'original.jpg', after: 'a.jpg' },
    ])
  })

  it('names match in whichever Unicode form each is written', async () => {
    const [nfc, nfd] = ['Käfer'.normalize('NFC'), 'Käfer'.normalize('NFD')]
    const found = await read({
      [`JPEGImages/${nfd}.jpg`]: jpegBytes(),
      [`Annotations/${nfc}.xml`]: labelXml({ filename: `${nfc}.jpg` }),
      'ImageSets/Main/test.txt': `${nfc}\n`,
    })
    expect(found.samples).toHaveLength(1)
    expect(found.samples[0]?.sample).toMatchObject({
      split: 'test',
      source_key: `JPEGImages/${nfd}.jpg`,
    })
    expect(found.findings).toEqual([])
  })

  it('names of 255 bytes work', async () => {
    const stem = `${'ü'.repeat(125)}x` // 251 bytes, with its extension 255
    const found = await read({
      [`JPEGImages/${stem}.jpg`]: jpegBytes(),
      [`Annotations/${stem}.xml`]: labelXml({ filename: `${stem}.jpg` }),
      'ImageSets/Main/val.txt': `${stem}\n`,
    })
    expect(found.samples[0]?.sample).toMatchObject({ split: 'val' })
    expect(found.findings).toEqual([])
  })

  it('a path longer than a source key is a finding', async () => {
    await using folder = await temporaryFolder()
    const deep = Array.from({ length: 5 }, () => 'd'.repeat(250)).join('/')
    await mkdir(join(folder.path, deep), { recursive: true })
    await writeTree(folder.path, { [`${deep}/a.jpg`]: jpegBytes(), 'b.jpg': jpegBytes() })
    const found = await collect(await openVoc(folder.path))
    expect(found.keys()).toEqual(['b.jpg'])
    expect(found.of('path_too_long')).toMatchObject([{ level: 'error' }])
    expect(found.skipped).toBe(1)
  })

  it('a list of some other use is no class list', async () => {
    const found = await read({ ...pair([{ name: 'dog' }]), 'ImageSets/Main/my_train.txt': 'a\n' })
    expect(found.source.schemas.map(({ name }) => name)).toEqual(['pascal-voc-detection'])
    expect(found.findings).toEqual([
      expect.objectContaining({ code: 'unlisted', path: 'JPEGImages/a.jpg' }),
    ])
  })

  it('hidden files are not samples', async () => {
    const found = await read({ ...good, 'JPEGImages/._z.jpg': 'x', 'JPEGImages/.DS_Store': 'x' })
    expect(found.keys()).toEqual(['JPEGImages/z.jpg'])
    expect(found.of('hidden_file')).toHaveLength(1)
  })

  it('a name that lies about the format is believed less than the bytes', async () => {
    const found = await read({ 'JPEGImages/a.jpg': pngBytes() })
    expect(found.sample('JPEGImages/a.jpg').sample.assets.image?.media_type).toBe('image/png')
    expect(found.of('format_mismatch')).toHaveLength(1)
  })

  it('EXIF orientation is kept and reported; boxes of the turned picture stay whole', async () => {
    const found = await read({
      'JPEGImages/a.jpg': jpegBytes({ width: 100, height: 80, orientation: 6 }),
      'Annotations/a.xml': labelXml({ size: [80, 100], objects: [{ box: box(1, 1, 80, 100) }] }),
    })
    expect(found.sample('JPEGImages/a.jpg').sample.assets.image?.metadata).toMatchObject({
      width: 100,
      height: 80,
      exif_orientation: 6,
    })
    expect(found.records('JPEGImages/a.jpg')[0]?.geometry).toMatchObject({ width: 80, height: 100 })
    expect(found.findings.map(({ code }) => code)).toEqual(['exif_orientation'])
  })
})

describe('large images', () => {
  it.each([
    ['jpeg', jpegBytes({ scan: new Uint8Array(wholeFileBytes) })],
    ['tiff', tiffBytes({ gap: wholeFileBytes })],
  ])('a %s is opened when its turn comes', async (format, bytes) => {
    await using folder = await temporaryFolder()
    await writeTree(folder.path, { 'a.bin.jpg': bytes })
    const found = await collect(await openVoc(folder.path))
    const { sample, payloads } = found.sample('a.bin.jpg')
    expect(sample.assets.image).toMatchObject({
      media_type: `image/${format}`,
      size_bytes: bytes.byteLength,
      sha256: null,
      metadata: { width: 100, height: 80 },
    })
    const open = payloads.image
    if (typeof open !== 'function') throw new Error('expected a stream')
    const streamed = await bytesOf(await open(), bytes.byteLength)
    expect(sha256Hex(streamed)).toBe(sha256Hex(bytes))
  })
})
