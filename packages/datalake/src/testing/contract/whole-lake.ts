import { facets, tasks } from '@mindtrace/contract'
import { expect, it } from 'vitest'
import {
  aBox,
  aCollection,
  aDatum,
  anAsset,
  anImage,
  aRecord,
  aSchema,
  aSet,
  aVersion,
} from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'

/** The lake as a whole: what it tells of itself, wipe, stats and verify. */
export function describeWholeLake(inLake: InLake): void {
  it(
    'tells its tasks, its name and its mounts',
    inLake(async (lake) => {
      expect((await lake.endpoints()).endpoints).toEqual(Object.keys(tasks))
      expect(await lake.status()).toEqual({ status: 'Available' })
      expect(await lake.className()).toEqual({ class_name: 'DatalakeService' })
      expect(await lake.health()).toEqual({
        status: 'ok',
        database: 'test_lake',
        default_mount: 'main',
      })
      const { default_mount, mounts } = await lake.mounts()
      expect(default_mount).toBe('main')
      expect(mounts.map(({ name }) => name)).toEqual(['main', 'other'])
      expect(mounts[0]).toMatchObject({
        read_only: false,
        version_objects: true,
        mutable: true,
        version_digits: 3,
      })
    }),
  )

  it(
    'sums itself up in the words of the reference',
    inLake(async (lake) => {
      const { datum_id } = await aDatum(lake)
      await aSet(lake, { datum_id })
      await aSchema(lake)
      expect((await lake.summary()).summary).toBe(
        'AsyncDatalake(database=test_lake, default_mount=main, assets=1, collections=0, ' +
          'collection_items=0, asset_retentions=0, annotation_schemas=1, annotation_sets=1, ' +
          'annotation_records=0, datums=1, dataset_versions=0)',
      )
    }),
  )

  it(
    'counts what it holds',
    inLake(async (lake) => {
      await anAsset(lake, { size_bytes: 10 })
      await anAsset(lake, { kind: 'mask', size_bytes: 5 })
      await aCollection(lake)
      expect(await lake.lake.stats()).toEqual({
        database: 'test_lake',
        default_mount: 'main',
        counts: {
          assets: 2,
          collections: 1,
          collection_items: 0,
          asset_retentions: 0,
          annotation_schemas: 0,
          annotation_sets: 0,
          annotation_records: 0,
          datums: 0,
          dataset_versions: 0,
        },
        payload_bytes: 15,
        asset_kinds: { image: 1, mask: 1 },
        payload_statuses: { present: 2 },
      })
    }),
  )

  it(
    'counts a resource by a field, the most frequent value first',
    inLake(async (lake) => {
      for (const label of ['cat', 'dog', 'cat', 'ant']) {
        await aRecord(lake, { label, kind: label === 'ant' ? 'classification' : 'bbox' })
      }
      const resource = 'annotation_records'
      const values = [
        { value: 'cat', count: 2 },
        { value: 'ant', count: 1 },
        { value: 'dog', count: 1 },
      ]
      expect(await lake.lake.facets({ resource, by: 'label' })).toEqual({
        values,
        distinct: 3,
        total: 4,
      })
      const filters = { kind: 'bbox' }
      expect(await lake.lake.facets({ resource, by: 'label', filters, limit: 1 })).toEqual({
        values: values.slice(0, 1),
        distinct: 2,
        total: 3,
      })
      await aDatum(lake)
      expect(await lake.lake.facets({ resource: 'datums', by: 'split' })).toMatchObject({
        values: [{ value: null, count: 1 }],
      })
      await expectRefusals([
        ['QUERY_NOT_SUPPORTED', () => lake.lake.facets({ resource, by: 'annotation_id' })],
        [
          'QUERY_NOT_SUPPORTED',
          () => lake.lake.facets({ resource, by: 'label', filters: { $where: '1' } }),
        ],
      ])
    }),
  )

  it(
    'counts by every field that it says can be counted by',
    inLake(async (lake) => {
      for (const [resource, fields] of Object.entries(facets)) {
        for (const by of fields) {
          const counted = await lake.lake.facets({ resource: resource as keyof typeof facets, by })
          expect(counted).toEqual({ values: [], distinct: 0, total: 0 })
        }
      }
    }),
  )

  it(
    'is wiped only where that is allowed',
    inLake(async (lake) => {
      await anAsset(lake)
      const nothing = { delete_payloads: false, delete_metadata: false }
      await expectRefusals([
        ['FORBIDDEN', () => lake.datalake.wipe({})],
        ['INVALID_INPUT', () => lake.datalake.wipe(nothing)],
      ])
      expect((await lake.assets.list({})).assets).toHaveLength(1)
    }),
  )

  it(
    'is empty after a wipe, and keeps its unique indexes',
    inLake(
      async (lake) => {
        const { storage_ref } = await anImage(lake, { name: 'a/b/c' })
        await anImage(lake, { name: 'a/b/c', mount: 'other' })
        const { datum_id } = await aDatum(lake)
        await aVersion(lake, { manifest: [datum_id] })
        await lake.datasetVersions.viewPage({ dataset_name: 'pets', version: '1' })
        const kept = await lake.datalake.wipe({ delete_metadata: false })
        expect(kept).toEqual({
          database: 'test_lake',
          deleted_payloads: true,
          deleted_metadata: false,
          clear_registry_metadata: false,
          cleared_mounts: ['main', 'other'],
        })
        expect((await lake.assets.list({})).assets).toHaveLength(3)
        await expectRefusals([['PAYLOAD_UNAVAILABLE', () => lake.objects.get({ storage_ref })]])
        const wiped = await lake.datalake.wipe({ delete_payloads: false })
        expect(wiped).toMatchObject({ deleted_payloads: false, cleared_mounts: [] })
        expect((await lake.assets.list({})).assets).toEqual([])
        await aVersion(lake)
        await expectRefusals([['DUPLICATE', () => aVersion(lake)]])
        const view = await lake.datasetVersions.viewPage({ dataset_name: 'pets', version: '1' })
        expect(view.items).toEqual([])
      },
      { settings: { allowWipe: true } },
    ),
  )

  it(
    'verifies as whole what was written as it should be',
    inLake(async (lake) => {
      const { asset_id } = await anImage(lake)
      const { datum_id } = await aDatum(lake, { asset_refs: { image: asset_id } })
      const { annotation_set_id } = await aSet(lake, { datum_id })
      await lake.annotationRecords.add({ annotation_set_id, annotations: [aBox()] })
      await aVersion(lake, { manifest: [datum_id] })
      const verified = { ok: true, assets_checked: 1, issue_count: 0, issues: [] }
      expect(await lake.lake.verify({})).toMatchObject({ ...verified, payload_bytes_read: 0 })
      const read = await lake.lake.verify({ read_data: true })
      expect(read).toMatchObject({ ...verified, payload_bytes_read: 6 })
    }),
  )

  it(
    'finds assets without bytes, with other bytes, and with names that nothing can have',
    inLake(async (lake) => {
      const good = await anImage(lake)
      const missing = await anAsset(lake)
      const nowhere = await anAsset(lake, { storage_ref: { mount: 'nowhere', name: 'x' } })
      const odd = await anAsset(lake, {
        storage_ref: { mount: 'main', name: 'x', version: 'not-a-version' },
      })
      const { storage_ref } = good
      const longer = await anAsset(lake, { storage_ref, size_bytes: 7 })
      const checksum = `sha256:${'0'.repeat(64)}`
      const other = await anAsset(lake, { storage_ref, checksum })
      const issue = (kind: string, { asset_id }: { readonly asset_id: string }) =>
        expect.objectContaining({ kind, id: asset_id })
      const unread = [
        issue('payload_missing', missing),
        issue('mount_missing', nowhere),
        issue('payload_missing', odd),
        issue('payload_size', longer),
      ]
      const first = await lake.lake.verify({})
      expect(first).toMatchObject({ ok: false, assets_checked: 6, issue_count: 4 })
      expect(first.issues).toEqual(expect.arrayContaining(unread))
      const second = await lake.lake.verify({ read_data: true })
      expect(second.issue_count).toBe(5)
      expect(second.issues).toEqual(
        expect.arrayContaining([...unread, issue('payload_corrupt', other)]),
      )
      const third = await lake.lake.verify({ sample_limit: 2 })
      expect(third).toMatchObject({ ok: false, issue_count: 4 })
      expect(third.issues).toHaveLength(2)
    }),
  )

  it(
    'makes nothing of calls that were aborted before',
    inLake(async (lake) => {
      const signal = AbortSignal.abort(new Error('changed my mind'))
      await expect(lake.collections.create({ name: 'never' }, { signal })).rejects.toThrow(
        'changed my mind',
      )
      expect((await lake.collections.list({})).collections).toEqual([])
    }),
  )

  it('answers nothing any more once it is closed', () =>
    inLake(async (lake) => {
      await lake[Symbol.asyncDispose]()
      await lake[Symbol.asyncDispose]()
      await expect(lake.collections.list({})).rejects.toThrow()
    })())
}
