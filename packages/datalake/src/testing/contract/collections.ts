import { expect, it } from 'vitest'
import { aCollection, anAsset } from '../builders.ts'
import { atOnce, expectRefusals, type InLake } from '../lake-under-test.ts'

/** Collections with their items, and asset retentions. */
export function describeCollections(inLake: InLake): void {
  it(
    'have defaults, and names that need not be unique',
    inLake(async (lake) => {
      const collection = await aCollection(lake)
      expect(collection).toMatchObject({
        name: 'pets',
        description: null,
        status: 'active',
        metadata: {},
        created_by: null,
      })
      expect((await aCollection(lake)).collection_id).not.toBe(collection.collection_id)
      await expectRefusals([['VALIDATION_FAILED', () => aCollection(lake, { status: 'bogus' })]])
    }),
  )

  it(
    'take their items with them, and leave the assets and other collections',
    inLake(async (lake) => {
      const { asset_id } = await anAsset(lake)
      const [doomed, kept] = [await aCollection(lake), await aCollection(lake)]
      const { collection_item } = await lake.collectionItems.create({
        collection_id: doomed.collection_id,
        asset_id,
      })
      const { collection_item: other } = await lake.collectionItems.create({
        collection_id: kept.collection_id,
        asset_id,
      })
      await lake.collections.delete({ id: doomed.collection_id })
      const id = collection_item.collection_item_id
      await expectRefusals([
        ['NOT_FOUND', () => lake.collectionItems.get({ id })],
        ['NOT_FOUND', () => lake.collectionItems.resolve({ id })],
      ])
      expect((await lake.collectionItems.list({})).collection_items).toEqual([other])
      expect((await lake.assets.get({ id: asset_id })).asset.asset_id).toBe(asset_id)
    }),
  )

  it(
    'hold an asset once, and refuse what does not exist',
    inLake(async (lake) => {
      const { collection_id } = await aCollection(lake)
      const { asset_id } = await anAsset(lake)
      const create = (input: Partial<Parameters<typeof lake.collectionItems.create>[0]>) => () =>
        lake.collectionItems.create({ collection_id, asset_id, ...input })
      const { collection_item } = await create({})()
      expect(collection_item).toMatchObject({
        collection_id,
        asset_id,
        split: null,
        status: 'active',
        metadata: {},
        added_by: null,
      })
      const { asset_id: another } = await anAsset(lake)
      await expectRefusals([
        ['DUPLICATE', create({})],
        ['NOT_FOUND', create({ collection_id: 'collection_0' })],
        ['NOT_FOUND', create({ asset_id: 'asset_0' })],
        ['VALIDATION_FAILED', create({ asset_id: another, split: 'bogus' })],
        ['VALIDATION_FAILED', create({ asset_id: another, status: 'bogus' })],
      ])
      const { collection_item_id } = (await create({ asset_id: another })()).collection_item
      const update = (changes: Record<string, unknown>) => () =>
        lake.collectionItems.update({ collection_item_id, changes })
      await expectRefusals([
        ['DUPLICATE', update({ asset_id })],
        ['NOT_FOUND', update({ asset_id: 'asset_0' })],
        ['NOT_FOUND', update({ collection_id: 'collection_0' })],
        ['VALIDATION_FAILED', update({ asset_id: null })],
      ])
    }),
  )

  it(
    'take one of fifty items for the same asset at once',
    inLake(async (lake) => {
      const { collection_id } = await aCollection(lake)
      const { asset_id } = await anAsset(lake)
      const { values, codes } = await atOnce(50, () =>
        lake.collectionItems.create({ collection_id, asset_id }),
      )
      expect(values).toHaveLength(1)
      expect(new Set(codes)).toEqual(new Set(['DUPLICATE']))
    }),
  )

  it(
    'have items that resolve to collection and asset',
    inLake(async (lake) => {
      const collection = await aCollection(lake)
      const asset = await anAsset(lake)
      const { collection_item } = await lake.collectionItems.create({
        collection_id: collection.collection_id,
        asset_id: asset.asset_id,
        split: 'train',
      })
      const id = collection_item.collection_item_id
      expect((await lake.collectionItems.resolve({ id })).resolved_collection_item).toEqual({
        collection_item,
        collection,
        asset,
      })
      await expectRefusals([['NOT_FOUND', () => lake.collectionItems.resolve({ id: 'x' })]])
    }),
  )
}

/** Asset retentions. */
export function describeRetentions(inLake: InLake): void {
  it(
    'need their asset and one of the known owners and policies; the same may be made again',
    inLake(async (lake) => {
      const { asset_id } = await anAsset(lake)
      const create = (input: Partial<Parameters<typeof lake.assetRetentions.create>[0]>) => () =>
        lake.assetRetentions.create({
          asset_id,
          owner_type: 'manual_pin',
          owner_id: 'someone',
          ...input,
        })
      const { asset_retention } = await create({})()
      expect(asset_retention).toMatchObject({
        retention_policy: 'retain',
        metadata: {},
        created_by: null,
      })
      const again = await create({})()
      expect(again.asset_retention.asset_retention_id).not.toBe(asset_retention.asset_retention_id)
      const { asset_retention_id } = asset_retention
      const update = (changes: Record<string, unknown>) => () =>
        lake.assetRetentions.update({ asset_retention_id, changes })
      await expectRefusals([
        ['NOT_FOUND', create({ asset_id: 'asset_0' })],
        ['VALIDATION_FAILED', create({ owner_type: 'bogus' })],
        ['VALIDATION_FAILED', create({ retention_policy: 'bogus' })],
        ['NOT_FOUND', update({ asset_id: 'asset_0' })],
        ['VALIDATION_FAILED', update({ asset_id: null })],
      ])
      const { asset_id: other } = await anAsset(lake)
      expect((await update({ asset_id: other })()).asset_retention.asset_id).toBe(other)
    }),
  )
}
