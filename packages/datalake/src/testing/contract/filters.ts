import { expect, it } from 'vitest'
import { anAsset, aSet } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'
import { callTask, pageOf, type Resource, type Row, resources } from './resources.ts'

/** The filters of lists and pages: which are understood, and that nothing else is. */
export function describeFilters(inLake: InLake): void {
  const found: readonly (readonly [Row, string])[] = [
    [{}, 'abc'],
    [{ kind: 'image' }, 'ab'],
    [{ kind: 'image', media_type: 'image/png' }, 'a'],
    [{ kind: { $in: ['mask', 'document'] } }, 'c'],
    [{ kind: { $nin: ['image'] } }, 'c'],
    [{ kind: { $ne: 'image' } }, 'c'],
    [{ 'metadata.width': 8 }, 'a'],
    [{ 'metadata.width': { $gte: 8 } }, 'ab'],
    [{ 'metadata.width': { $gt: 8, $lt: 100 } }, 'b'],
    [{ 'metadata.width': { $exists: true } }, 'ab'],
    [{ 'metadata.width': null }, 'c'],
    [{ 'metadata.tags': 'red' }, 'ac'],
    [{ 'metadata.tags': { $in: ['blue'] } }, 'c'],
    [{ 'metadata.deep.er': true }, 'b'],
    [{ 'subject.kind': 'asset' }, 'c'],
    [{ subject: null }, 'ab'],
    [{ $or: [{ kind: 'mask' }, { 'metadata.width': 8 }] }, 'ac'],
    [{ $and: [{ kind: 'image' }, { 'metadata.width': { $lte: 8 } }] }, 'a'],
    [{ created_at: { $lte: '2999-01-01T00:00:00Z' } }, 'abc'],
    [{ created_at: { $gt: '2999-01-01T00:00:00+02:00' } }, ''],
    [{ 'storage_ref.name': 'one' }, 'a'],
    [{ kind: 'nothing of the kind' }, ''],
  ]

  it(
    'find what they mean, in lists and in pages',
    inLake(async (lake) => {
      const ref = { mount: 'main', version: '1.0.0' }
      const rows = {
        a: await anAsset(lake, {
          storage_ref: { ...ref, name: 'one' },
          metadata: { width: 8, tags: ['red'] },
        }),
        b: await anAsset(lake, {
          media_type: 'image/jpeg',
          storage_ref: { ...ref, name: 'two' },
          metadata: { width: 10, deep: { er: true } },
        }),
        c: await anAsset(lake, {
          kind: 'mask',
          storage_ref: { ...ref, name: 'three' },
          metadata: { tags: ['red', 'blue'] },
          subject: { kind: 'asset', id: 'asset_1' },
        }),
      }
      for (const [filters, names] of found) {
        const wanted = [...names].map((name) => rows[name as keyof typeof rows])
        const { assets } = await lake.assets.list({ filters })
        expect(assets, JSON.stringify(filters)).toEqual(wanted)
        const { items, page } = await lake.assets.listPage({ filters, include_total: true })
        expect(items, JSON.stringify(filters)).toEqual(wanted.toReversed())
        expect(page.total_count).toBe(wanted.length)
      }
    }),
  )

  it(
    'look into arrays for a member',
    inLake(async (lake) => {
      const { annotation_set_id } = await aSet(lake)
      const { datum } = await lake.datums.create({
        asset_refs: {},
        annotation_set_ids: [annotation_set_id],
      })
      await lake.datums.create({ asset_refs: {} })
      const filters = { annotation_set_ids: annotation_set_id }
      expect((await lake.datums.list({ filters })).datums).toEqual([datum])
    }),
  )

  const refused: readonly Row[] = [
    { $where: '1' },
    { $expr: { $eq: [1, 1] } },
    { $text: { $search: 'x' } },
    { $nor: [{ metadata: null }] },
    { $or: [] },
    { $and: {} },
    { 'metadata.a': { $bogus: 1 } },
    { 'metadata.a': { $regex: '.*' } },
    { 'metadata.a': { $where: '1' } },
    { 'metadata.a': { $not: { $eq: 1 } } },
    { 'metadata.a': { nested: 1 } },
    { 'metadata.a': {} },
    { 'metadata.a': [1] },
    { 'metadata.a': { $in: 'text' } },
    { 'metadata.a': { $in: [{ $gt: 1 }] } },
    { 'metadata.a': { $exists: 'yes' } },
    { 'metadata.a': { $gt: null } },
    { 'metadata.a': { $eq: { $gt: '' } } },
    { '': 1 },
    { '.': 1 },
    { 'metadata..a': 1 },
    { nonsense: 1 },
    { 'nonsense.deeper': 1 },
    { 'metadata.$a': 1 },
    { 'metadata.__proto__.x': 1 },
    { constructor: 1 },
    { _id: { $gt: '' } },
    { metadata: 5 },
  ]

  it.each(resources)('of $family hold no operator and no path outside the grammar', (resource) =>
    inLake(async (lake) => {
      const rows = refused.flatMap((filters) => [
        [
          'QUERY_NOT_SUPPORTED',
          () => callTask(lake, `${resource.family}.list`, { filters }),
        ] as const,
        ['QUERY_NOT_SUPPORTED', () => pageOf(lake, resource, { filters })] as const,
      ])
      // A dataset version has no `_id` to look for that would be refused for its operator.
      await expectRefusals(rows)
      await expectRefusals(
        ['kind', ['kind'], 5].map((filters) => [
          'VALIDATION_FAILED',
          () => pageOf(lake, resource, { filters }),
        ]),
      )
    })(),
  )

  it(
    'compare times as times and refuse what is none',
    inLake(async (lake) => {
      const { created_at } = await anAsset(lake)
      const list = (value: unknown) => () => lake.assets.list({ filters: { created_at: value } })
      expect((await list(created_at)()).assets).toHaveLength(1)
      expect((await list(created_at.replace('Z', '+00:00'))()).assets).toHaveLength(1)
      await expectRefusals([
        ['QUERY_NOT_SUPPORTED', list('yesterday')],
        ['QUERY_NOT_SUPPORTED', list(5)],
      ])
    }),
  )

  it(
    'of a dataset name go over a filter of the same field',
    inLake(async (lake) => {
      const versions = resources.find(({ family }) => family === 'dataset_versions') as Resource
      for (let index = 0; index < 4; index += 1) await versions.create(lake, index)
      const dataset_name = 'dataset 0'
      const filters = { dataset_name: 'dataset 1' }
      const { dataset_versions } = await lake.datasetVersions.list({ dataset_name, filters })
      expect(dataset_versions.map(({ version }) => version)).toEqual(['0', '3'])
      const { items } = await lake.datasetVersions.listPage({ dataset_name, filters })
      expect(items.map(({ version }) => version)).toEqual(['3', '0'])
    }),
  )
}
