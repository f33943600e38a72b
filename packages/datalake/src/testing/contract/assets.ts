import { describe, expect, it } from 'vitest'
import { aCollection, aDatum, anAsset, anImage, base64 } from '../builders.ts'
import { atOnce, codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'

const unknown = 'asset_00000000000000000000000000000000'

/** Assets and their aliases. */
export function describeAssets(inLake: InLake): void {
  it(
    'are made by many at once, each with its own outcome',
    inLake(async (lake) => {
      const numbers = Array.from({ length: 30 }, (_, number) => number)
      const made = await Promise.allSettled(
        numbers.map((number) =>
          anAsset(lake, { metadata: { number }, ...(number % 10 === 7 ? { kind: 'none' } : {}) }),
        ),
      )
      for (const [number, one] of made.entries()) {
        if (number % 10 === 7) {
          expect(one).toMatchObject({ reason: { code: 'VALIDATION_FAILED' } })
          continue
        }
        if (one.status === 'rejected') throw one.reason
        const id = one.value.asset_id
        expect((await lake.assets.get({ id })).asset.metadata).toEqual({ number })
        expect((await lake.assets.getByAlias({ alias: id })).asset).toEqual(one.value)
      }
      expect((await lake.assets.listPage({ include_total: true })).page.total_count).toBe(27)
    }),
  )

  it(
    'are made with all of their fields, the payload twins included',
    inLake(async (lake) => {
      const storage_ref = { mount: 'nowhere', name: 'a/b', qualified_key: 'lies' }
      const { asset } = await lake.assets.create({
        kind: 'document',
        media_type: 'text/plain',
        storage_ref,
        checksum: 'md5:0',
        size_bytes: 7,
        subject: { kind: 'annotation', id: 'annotation_x' },
        metadata: { 'dotted.key': [1, { a: null }] },
        created_by: 'someone',
      })
      const ref = { ...storage_ref, version: 'latest', qualified_key: 'nowhere/a/b@latest' }
      const { created_at } = asset
      expect(asset).toEqual({
        _id: asset._id,
        asset_id: asset.asset_id,
        kind: 'document',
        media_type: 'text/plain',
        storage_ref: ref,
        checksum: 'md5:0',
        size_bytes: 7,
        payload_status: 'present',
        payload_status_updated_at: created_at,
        payload_status_reason: null,
        payload_storage_ref: ref,
        payload_checksum: 'md5:0',
        payload_size_bytes: 7,
        payload_verified_at: created_at,
        subject: { kind: 'annotation', id: 'annotation_x' },
        metadata: { 'dotted.key': [1, { a: null }] },
        created_at,
        created_by: 'someone',
        updated_at: created_at,
      })
    }),
  )

  it(
    'are made of a finished upload as of any stored object',
    inLake(async (lake) => {
      const { asset } = await lake.assets.createFromUploadedObject({
        kind: 'image',
        media_type: 'image/png',
        storage_ref: { mount: 'main', name: 'upload', version: '1.0.0' },
      })
      expect(asset).toMatchObject({ checksum: null, size_bytes: null, metadata: {}, subject: null })
      expect((await lake.assets.get({ id: asset.asset_id })).asset).toEqual(asset)
    }),
  )

  it(
    'are made together with their object',
    inLake(async (lake) => {
      const { asset } = await lake.assets.createFromObject({
        name: 'notes/one',
        data_base64: base64('text'),
        kind: 'document',
        media_type: 'text/plain',
        mount: 'other',
        object_metadata: { page: 1 },
        asset_metadata: { topic: 'cats' },
      })
      expect(asset).toMatchObject({
        storage_ref: { mount: 'other', name: 'notes/one', version: '1.0.0' },
        metadata: { topic: 'cats' },
      })
      const { storage_ref } = asset
      const { data_base64 } = await lake.objects.get({ storage_ref })
      expect(data_base64).toBe(base64('text'))
      expect((await lake.objects.head({ storage_ref })).metadata).toMatchObject({
        metadata: { page: 1 },
      })
    }),
  )

  it(
    'leave no object behind when they are refused',
    inLake(async (lake) => {
      const input = { name: 'left-over', data_base64: base64('x'), media_type: 'x/y' } as const
      await expectRefusals([
        ['VALIDATION_FAILED', () => lake.assets.createFromObject({ ...input, kind: 'video' })],
        [
          'INVALID_INPUT',
          () => lake.assets.createFromObject({ ...input, kind: 'other', data_base64: '***' }),
        ],
        [
          'NOT_FOUND',
          () => lake.assets.createFromObject({ ...input, kind: 'other', mount: 'nowhere' }),
        ],
        [
          'INVALID_INPUT',
          () => lake.assets.createFromObject({ ...input, kind: 'other', on_conflict: 'bogus' }),
        ],
        [
          'INVALID_INPUT',
          () => lake.assets.createFromObject({ ...input, kind: 'other', name: '' }),
        ],
        ['VALIDATION_FAILED', () => anAsset(lake, { kind: 'video' })],
      ])
      const { metadata } = await lake.objects.head({
        storage_ref: { mount: 'main', name: 'left-over', version: null },
      })
      expect(metadata).toEqual({})
      expect((await lake.assets.list({})).assets).toEqual([])
    }),
  )

  it(
    'take metadata anew, and only that',
    inLake(async (lake) => {
      const asset = await anAsset(lake, { metadata: { a: 1, b: 2 } })
      const { asset_id } = asset
      const updated = await lake.assets.updateMetadata({ asset_id, metadata: { c: 3 } })
      expect(updated.asset).toEqual({
        ...asset,
        metadata: { c: 3 },
        updated_at: updated.asset.updated_at,
      })
      await expectRefusals([
        ['NOT_FOUND', () => lake.assets.updateMetadata({ asset_id: unknown, metadata: {} })],
      ])
    }),
  )

  it(
    'are not deleted while a datum or a collection item refers to them',
    inLake(async (lake) => {
      const { asset_id: id } = await anAsset(lake)
      const datum = await aDatum(lake, { asset_refs: { depth: id } })
      await expectRefusals([['CONFLICT', () => lake.assets.delete({ id })]])
      await lake.datums.update({ datum_id: datum.datum_id, changes: { asset_refs: {} } })
      const { collection_id } = await aCollection(lake)
      const status = 'removed'
      await lake.collectionItems.create({ collection_id, asset_id: id, status })
      await expectRefusals([['CONFLICT', () => lake.assets.delete({ id })]])
      await lake.collections.delete({ id: collection_id })
      await lake.aliases.add({ asset_id: id, alias: 'doomed' })
      expect(await lake.assets.delete({ id })).toBeNull()
      await expectRefusals([
        ['NOT_FOUND', () => lake.assets.getByAlias({ alias: 'doomed' })],
        ['NOT_FOUND', () => lake.assets.getByAlias({ alias: id })],
      ])
      const { asset_id } = await anAsset(lake)
      expect((await lake.aliases.add({ asset_id, alias: 'doomed' })).asset_alias.asset_id).toBe(
        asset_id,
      )
    }),
  )

  it(
    'keep their bytes when they are deleted',
    inLake(async (lake) => {
      const { asset_id: id, storage_ref } = await anImage(lake)
      await lake.assets.delete({ id })
      expect((await lake.objects.get({ storage_ref })).data_base64).toBe(base64('pixels'))
    }),
  )

  it(
    'and what refers to them never pass one another',
    inLake(async (lake) => {
      const { collection_id } = await aCollection(lake)
      const assets = await Promise.all(Array.from({ length: 16 }, () => anAsset(lake)))
      const owner = { owner_type: 'manual_pin', owner_id: 'x' }
      await Promise.all(
        assets.flatMap(({ asset_id }) => [
          codeOf(() => aDatum(lake, { asset_refs: { image: asset_id } })),
          codeOf(() => lake.assets.delete({ id: asset_id })),
          codeOf(() => lake.collectionItems.create({ collection_id, asset_id })),
          codeOf(() => lake.assetRetentions.create({ asset_id, ...owner })),
          codeOf(() => lake.aliases.add({ asset_id, alias: `alias of ${asset_id}` })),
        ]),
      )
      const left = new Set((await lake.assets.list({})).assets.map(({ asset_id }) => asset_id))
      for (const { asset_refs } of (await lake.datums.list({})).datums) {
        expect(left).toContain(asset_refs.image)
      }
      for (const item of (await lake.collectionItems.list({})).collection_items) {
        expect(left).toContain(item.asset_id)
      }
      expect(await lake.lake.verify({})).toMatchObject({
        issues: expect.not.arrayContaining([expect.objectContaining({ kind: 'dangling_alias' })]),
      })
    }),
  )

  describe('aliases', () => {
    it(
      'lead to their asset, which is its own first alias',
      inLake(async (lake) => {
        const asset = await anAsset(lake)
        const { asset_id } = asset
        const { asset_alias } = await lake.aliases.add({ asset_id, alias: 'first image' })
        expect(asset_alias).toMatchObject({ alias: 'first image', asset_id, is_primary: false })
        for (const alias of ['first image', asset_id]) {
          expect((await lake.assets.getByAlias({ alias })).asset).toEqual(asset)
        }
        const primary = await lake.aliases.add({ asset_id, alias: asset_id })
        expect(primary.asset_alias.is_primary).toBe(true)
      }),
    )

    it(
      'answer where an asset is got by an id that no asset has',
      inLake(async (lake) => {
        const [asset, other] = [await anAsset(lake), await anAsset(lake)]
        await lake.aliases.add({ asset_id: asset.asset_id, alias: 'cat' })
        expect((await lake.assets.get({ id: 'cat' })).asset).toEqual(asset)
        expect((await lake.assets.get({ id: other.asset_id })).asset).toEqual(other)
        await expectRefusals([['NOT_FOUND', () => lake.assets.get({ id: 'dog' })]])
      }),
    )

    it(
      'are added twice to one asset without harm, and to no other',
      inLake(async (lake) => {
        const { asset_id } = await anAsset(lake)
        const { asset_id: other } = await anAsset(lake)
        const once = await lake.aliases.add({ asset_id, alias: 'cat' })
        expect(await lake.aliases.add({ asset_id, alias: 'cat' })).toEqual(once)
        expect((await lake.aliases.add({ asset_id, alias: '' })).asset_alias.alias).toBe('')
        await expectRefusals([
          ['DUPLICATE', () => lake.aliases.add({ asset_id: other, alias: 'cat' })],
          ['DUPLICATE', () => lake.aliases.add({ asset_id: other, alias: asset_id })],
          ['NOT_FOUND', () => lake.aliases.add({ asset_id: unknown, alias: 'nobody' })],
          ['NOT_FOUND', () => lake.assets.getByAlias({ alias: 'nobody' })],
        ])
      }),
    )

    it(
      'go to one of fifty assets that want the same at once',
      inLake(async (lake) => {
        const assets = await Promise.all(Array.from({ length: 50 }, () => anAsset(lake)))
        const { values, codes } = await atOnce(50, (index) =>
          lake.aliases.add({ asset_id: assets[index]?.asset_id as string, alias: 'wanted' }),
        )
        expect(values).toHaveLength(1)
        expect(new Set(codes)).toEqual(new Set(['DUPLICATE']))
      }),
    )

    it(
      'are added fifty times at once to one asset without an error',
      inLake(async (lake) => {
        const { asset_id } = await anAsset(lake)
        const { values } = await atOnce(50, () => lake.aliases.add({ asset_id, alias: 'same' }))
        expect(values).toHaveLength(50)
        expect(new Set(values.map(({ asset_alias }) => asset_alias.alias_id)).size).toBe(1)
      }),
    )
  })

  describe('download addresses', () => {
    it(
      'are signed by object stores, and null where a mount can sign none',
      inLake(async (lake) => {
        const { asset_id } = await anImage(lake)
        const { mounts } = await lake.mounts()
        if (mounts.some(({ backend }) => /^(?:s3|gs):/.test(String(backend)))) {
          const signed = await lake.assets.downloadUrl({ asset_id })
          const answer = await fetch(signed.url ?? '')
          expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
            200,
            'image/png',
            'pixels',
          ])
          const { urls } = await lake.assets.downloadUrls({
            asset_ids: [asset_id, unknown, asset_id],
          })
          expect(Object.keys(urls)).toEqual([asset_id])
          return
        }
        const none = { asset_id, url: null, expires_at: null }
        expect(await lake.assets.downloadUrl({ asset_id })).toEqual(none)
        const urls = { urls: {}, expires_at: null }
        const asset_ids = [asset_id, unknown, asset_id]
        expect(await lake.assets.downloadUrls({ asset_ids })).toEqual(urls)
        expect(await lake.assets.downloadUrls({ asset_ids: [] })).toEqual(urls)
      }),
    )

    it(
      'are refused for what can not be read, and for times out of bounds',
      inLake(async (lake) => {
        const { asset_id } = await anImage(lake)
        const missing = await anAsset(lake)
        const nowhere = await anAsset(lake, { storage_ref: { mount: 'nowhere', name: 'x' } })
        const url = (id: string, expires_in_minutes?: number) => () =>
          lake.assets.downloadUrl({ asset_id: id, expires_in_minutes })
        const many = (asset_ids: string[], expires_in_minutes?: number) => () =>
          lake.assets.downloadUrls({ asset_ids, expires_in_minutes })
        await expectRefusals([
          ['NOT_FOUND', url(unknown)],
          ['PAYLOAD_UNAVAILABLE', url(missing.asset_id)],
          ['NOT_FOUND', url(nowhere.asset_id)],
          ['VALIDATION_FAILED', url(asset_id, 0)],
          ['VALIDATION_FAILED', url(asset_id, 10_081)],
          ['VALIDATION_FAILED', many([asset_id], 0)],
          ['INVALID_INPUT', many(Array.from({ length: 1001 }, () => asset_id))],
        ])
      }),
    )
  })
}
