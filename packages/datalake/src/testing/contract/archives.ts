import type { ArchiveRead, Lake } from '@mindtrace/contract'
import { bytesOf } from '@mindtrace/core'
import { createTarDecoder } from 'modern-tar'
import { expect, it } from 'vitest'
import { aBox, aDatum, anAsset, anImage, aRecord, aSchema, aVersion, base64 } from '../builders.ts'
import { codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'

interface Extracted {
  readonly path: string
  readonly text: string
  readonly modifiedAt: string
}

/** The files of an archive as any reader of tar finds them. */
async function extracted({ body }: ArchiveRead): Promise<Extracted[]> {
  const files: Extracted[] = []
  const decoder = createTarDecoder({ strict: true })
  for await (const { header, body: file } of body.pipeThrough(decoder)) {
    expect(header).toMatchObject({ type: 'file', mode: 0o644, uid: 0, gid: 0 })
    const text = new TextDecoder().decode(await bytesOf(file, 1_000_000))
    files.push({ path: header.name, text, modifiedAt: header.mtime?.toISOString() ?? '' })
  }
  return files
}

const whole = async (read: ArchiveRead) =>
  Buffer.from(await bytesOf(read.body, 10_000_000)).toString('hex')

/** A dataset of three datums: two images, one of them with a mask and a record, and one datum of nothing. */
async function aDataset(lake: Lake) {
  const image = await anImage(lake, { name: 'one', data_base64: base64('pixels of one') })
  const other = await anImage(lake, { name: 'two', data_base64: base64('pixels of two') })
  const mask = await anImage(lake, {
    name: 'mask.npy',
    data_base64: base64('which pixels'),
    kind: 'mask',
    media_type: 'application/octet-stream',
  })
  const { annotation_schema_id } = await aSchema(lake)
  const datums = [
    await aDatum(lake, { asset_refs: { image: image.asset_id, 'the mask': mask.asset_id } }),
    await aDatum(lake, { asset_refs: {} }),
    await aDatum(lake, { asset_refs: { image: other.asset_id } }),
  ]
  const { annotation_set } = await lake.annotationSets.create({
    name: 'boxes',
    purpose: 'ground_truth',
    source_type: 'human',
    annotation_schema_id,
    datum_id: datums[0]?.datum_id as string,
  })
  await lake.annotationRecords.add({
    annotation_set_id: annotation_set.annotation_set_id,
    annotations: [aBox()],
  })
  const manifest = datums.map(({ datum_id }) => datum_id)
  const version = await aVersion(lake, { dataset_name: 'a/b ü', version: '1.0', manifest })
  return { image, mask, annotation_schema_id, version }
}

/** Datasets, assets and objects as tar. */
export function describeArchives(inLake: InLake): void {
  const input = { dataset_name: 'a/b ü', version: '1.0' }

  it(
    'hold a dataset version, in the order of its manifest, with its payloads',
    inLake(async (lake) => {
      const { version, annotation_schema_id } = await aDataset(lake)
      const read = await lake.streams.archiveDataset(input)
      expect(read.fileName).toBe('a%2Fb%20%C3%BC@1.0.tar')
      const files = await extracted(read)
      expect(files.map(({ path }) => path)).toEqual([
        'dataset_version.json',
        'samples/00000000.json',
        'samples/00000000.image.png',
        'samples/00000000.the%20mask.npy',
        'samples/00000001.json',
        'samples/00000002.json',
        'samples/00000002.image.png',
        'annotation_schemas.json',
      ])
      const time = `${version.created_at.slice(0, 19)}.000Z`
      expect(new Set(files.map(({ modifiedAt }) => modifiedAt))).toEqual(new Set([time]))
      const { manifest, ...head } = version
      expect(JSON.parse(files[0]?.text ?? '')).toEqual({
        format: 'mindtrace.archive/1',
        dataset_version: head,
        datums: manifest.length,
      })
      const { resolved_dataset_version } = await lake.datasetVersions.resolve(input)
      const samples = files.filter(({ path }) => /\d\.json$/.test(path))
      expect(samples.map(({ text }) => JSON.parse(text))).toEqual(resolved_dataset_version.datums)
      expect(files[2]?.text).toBe('pixels of one')
      expect(files[3]?.text).toBe('which pixels')
      const { annotation_schema } = await lake.annotationSchemas.get({ id: annotation_schema_id })
      expect(JSON.parse(files.at(-1)?.text ?? '')).toEqual({
        annotation_schemas: [annotation_schema],
      })
    }),
  )

  it(
    'are the same bytes every time, and without payloads those of the records alone',
    inLake(async (lake) => {
      await aDataset(lake)
      const first = await whole(await lake.streams.archiveDataset(input))
      expect(await whole(await lake.streams.archiveDataset(input))).toBe(first)
      const bare = await extracted(await lake.streams.archiveDataset({ ...input, payloads: false }))
      expect(bare.map(({ path }) => path)).toEqual([
        'dataset_version.json',
        'samples/00000000.json',
        'samples/00000001.json',
        'samples/00000002.json',
        'annotation_schemas.json',
      ])
    }),
  )

  it(
    'never end early: what is missing makes them fail',
    inLake(async (lake) => {
      const { mask } = await aDataset(lake)
      const read = async (version: string) =>
        whole(await lake.streams.archiveDataset({ ...input, version }))
      await read('1.0')
      const { datum_id } = await aDatum(lake)
      const { dataset_name } = input
      await aVersion(lake, { dataset_name, version: 'without a payload', manifest: [datum_id] })
      // Over HTTP the status has been sent by then: the connection breaks.
      const missing = await codeOf(() => read('without a payload'))
      expect(['PAYLOAD_UNAVAILABLE', 'UNAVAILABLE']).toContain(missing)
      const objects = [{ mount: 'main', name: 'gone', version: null }]
      expect(await codeOf(() => lake.streams.archiveObjects({ objects }))).toBe('NOT_FOUND')
      const { mount, name } = mask.storage_ref
      const two = [{ mount, name, version: null }, ...objects]
      const late = async () => whole(await lake.streams.archiveObjects({ objects: two }))
      expect(['NOT_FOUND', 'UNAVAILABLE']).toContain(await codeOf(late))
    }),
  )

  it(
    'hold the assets that a filter means',
    inLake(async (lake) => {
      const { image, mask } = await aDataset(lake)
      const filters = { asset_id: { $in: [image.asset_id, mask.asset_id] } }
      const files = await extracted(await lake.streams.archiveAssets({ filters }))
      expect(files.map(({ path }) => path)).toEqual([
        `assets/${image.asset_id}.json`,
        `assets/${image.asset_id}.png`,
        `assets/${mask.asset_id}.json`,
        `assets/${mask.asset_id}.npy`,
      ])
      expect(JSON.parse(files[0]?.text ?? '')).toEqual(image)
      expect(files[3]?.text).toBe('which pixels')
      const none = await extracted(await lake.streams.archiveAssets({ filters: { kind: 'file' } }))
      expect(none).toEqual([])
      const records = await lake.streams.archiveAssets({
        filters,
        payloads: false,
        sort: 'created_desc',
      })
      expect((await extracted(records)).map(({ path }) => path)).toEqual([
        `assets/${mask.asset_id}.json`,
        `assets/${image.asset_id}.json`,
      ])
    }),
  )

  it(
    'hold objects by their names and versions',
    inLake(async (lake) => {
      const deep = `${'deep/'.repeat(40)}ü.bin`
      await lake.objects.put({ name: deep, data_base64: base64('first') })
      await lake.objects.put({ name: deep, data_base64: base64('second') })
      await lake.objects.put({ name: 'empty', mount: 'other', data_base64: '' })
      const objects = [
        { mount: 'main', name: deep, version: '1.0.0' },
        { mount: 'other', name: 'empty', version: null },
        { mount: 'main', name: deep, version: null },
      ]
      const files = await extracted(await lake.streams.archiveObjects({ objects }))
      expect(files.map(({ path, text }) => [path, text])).toEqual([
        [`objects/main/${deep}@1.0.0`, 'first'],
        ['objects/other/empty@1.0.0', ''],
        [`objects/main/${deep}@1.0.1`, 'second'],
      ])
    }),
  )

  it(
    'are refused with the reason, and may be left',
    inLake(async (lake) => {
      await aDataset(lake)
      await anAsset(lake)
      await aRecord(lake)
      const { streams } = lake
      await expectRefusals([
        ['NOT_FOUND', () => streams.archiveDataset({ ...input, version: '2' })],
        ['INVALID_INPUT', () => streams.archiveAssets({ sort: 'name' })],
        ['QUERY_NOT_SUPPORTED', () => streams.archiveAssets({ filters: { $where: '1' } })],
        ['VALIDATION_FAILED', () => streams.archiveObjects({ objects: [] })],
        [
          'NOT_FOUND',
          () => streams.archiveObjects({ objects: [{ mount: 'x', name: 'y', version: null }] }),
        ],
      ])
      const { body } = await streams.archiveDataset(input)
      const reader = body.getReader()
      expect((await reader.read()).done).toBe(false)
      await reader.cancel()
      expect((await lake.assets.listPage({})).items.length).toBeGreaterThan(3)
    }),
  )
}
