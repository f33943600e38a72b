import type { DatasetViewPage } from '@mindtrace/contract'
import { describe, expect, it } from 'vitest'
import { aBox, aDatum, anAsset, aSet, aVersion } from '../builders.ts'
import { atOnce, expectRefusals, type InLake } from '../lake-under-test.ts'

/** Datums and what they resolve to. */
export function describeDatums(inLake: InLake): void {
  it(
    'have defaults, and may have no assets at all',
    inLake(async (lake) => {
      const datum = await aDatum(lake, { asset_refs: {} })
      expect(datum).toEqual({
        _id: datum._id,
        datum_id: datum.datum_id,
        split: null,
        asset_refs: {},
        metadata: {},
        annotation_set_ids: [],
        created_at: datum.created_at,
        updated_at: datum.created_at,
      })
    }),
  )

  it(
    'refuse links that lead nowhere, when made and when changed',
    inLake(async (lake) => {
      const { asset_id: image } = await anAsset(lake)
      const { datum_id } = await aDatum(lake, { asset_refs: { image } })
      const links: readonly (readonly [
        'NOT_FOUND' | 'INVALID_INPUT' | 'VALIDATION_FAILED',
        object,
      ])[] = [
        ['NOT_FOUND', { asset_refs: { image, mask: 'asset_0' } }],
        ['INVALID_INPUT', { asset_refs: { image: ' ' } }],
        ['INVALID_INPUT', { asset_refs: { image: '' } }],
        ['NOT_FOUND', { annotation_set_ids: ['set_0'] }],
        ['VALIDATION_FAILED', { split: 'bogus' }],
      ]
      for (const [code, fields] of links) {
        await expectRefusals([
          [code, () => aDatum(lake, { asset_refs: { image }, ...fields })],
          [code, () => lake.datums.update({ datum_id, changes: { ...fields } })],
        ])
      }
      await expectRefusals([
        [
          'VALIDATION_FAILED',
          () => lake.datums.update({ datum_id, changes: { annotation_set_ids: null } }),
        ],
      ])
      expect((await lake.datums.list({})).datums).toHaveLength(1)
    }),
  )

  it(
    'name every missing link of a long list',
    inLake(async (lake) => {
      const annotation_set_ids = Array.from({ length: 2500 }, (_, index) => `set_${index}`)
      await expect(aDatum(lake, { asset_refs: {}, annotation_set_ids })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining("'set_0'"),
      })
    }),
  )

  it(
    'resolve to assets by role, sets and records, each in its order',
    inLake(async (lake) => {
      const [image, mask] = [await anAsset(lake), await anAsset(lake, { kind: 'mask' })]
      const { datum_id: id } = await aDatum(lake, {
        asset_refs: { mask: mask.asset_id, image: image.asset_id },
      })
      const first = await aSet(lake, { datum_id: id, name: 'first' })
      const second = await aSet(lake, { datum_id: id, name: 'second' })
      const { annotation_records } = await lake.annotationRecords.add({
        annotation_set_id: second.annotation_set_id,
        annotations: [aBox({ label: 'a' }), aBox({ label: 'b' })],
      })
      const { resolved_datum } = await lake.datums.resolve({ id })
      expect(resolved_datum.datum.datum_id).toBe(id)
      expect(resolved_datum.assets).toEqual({ mask, image })
      expect(resolved_datum.annotation_sets.map(({ name }) => name)).toEqual(['first', 'second'])
      expect(resolved_datum.annotation_records).toEqual({
        [first.annotation_set_id]: [],
        [second.annotation_set_id]: annotation_records,
      })
      await expectRefusals([['NOT_FOUND', () => lake.datums.resolve({ id: 'datum_0' })]])
    }),
  )
}

/** Dataset versions as documents; their views stand in `dataset-views`. */
export function describeDatasetVersions(inLake: InLake): void {
  it(
    'hold their manifest in its order, which may be empty',
    inLake(async (lake) => {
      const ids = []
      for (let index = 0; index < 4; index += 1) {
        ids.push((await aDatum(lake, { asset_refs: {} })).datum_id)
      }
      const manifest = [ids[2], ids[0], ids[3], ids[1]] as string[]
      const version = await aVersion(lake, { manifest })
      expect(version).toEqual({
        _id: version._id,
        dataset_version_id: version.dataset_version_id,
        dataset_name: 'pets',
        version: '1',
        description: null,
        manifest,
        source_dataset_version_id: null,
        metadata: {},
        created_at: version.created_at,
        created_by: null,
      })
      const named = { dataset_name: 'pets', version: '1' }
      expect((await lake.datasetVersions.get(named)).dataset_version).toEqual(version)
      expect((await aVersion(lake, { version: '0' })).manifest).toEqual([])
      const derived = await aVersion(lake, {
        version: '2',
        manifest: [],
        source_dataset_version_id: version.dataset_version_id,
        description: 'less',
        metadata: { a: 1 },
        created_by: 'someone',
      })
      expect(derived.source_dataset_version_id).toBe(version.dataset_version_id)
    }),
  )

  it(
    'are refused when they exist, repeat a datum, or name one that does not exist',
    inLake(async (lake) => {
      const { datum_id } = await aDatum(lake, { asset_refs: {} })
      await aVersion(lake, { manifest: [datum_id] })
      await expectRefusals([
        ['DUPLICATE', () => aVersion(lake)],
        ['INVALID_INPUT', () => aVersion(lake, { version: '2', manifest: [datum_id, datum_id] })],
        ['NOT_FOUND', () => aVersion(lake, { version: '2', manifest: [datum_id, 'datum_0'] })],
        ['INVALID_INPUT', () => aVersion(lake, { dataset_name: '' })],
        ['INVALID_INPUT', () => aVersion(lake, { version: ' ' })],
        ['INVALID_INPUT', () => aVersion(lake, { dataset_name: 'line\nfeed' })],
        ['NOT_FOUND', () => lake.datasetVersions.get({ dataset_name: 'pets', version: '2' })],
        ['NOT_FOUND', () => lake.datasetVersions.resolve({ dataset_name: 'x', version: '1' })],
      ])
      expect((await lake.datasetVersions.list({})).dataset_versions).toHaveLength(1)
    }),
  )

  it(
    'are made once when fifty make the same at once',
    inLake(async (lake) => {
      const { values, codes } = await atOnce(50, () => aVersion(lake))
      expect(values).toHaveLength(1)
      expect(new Set(codes)).toEqual(new Set(['DUPLICATE']))
    }),
  )

  it(
    'resolve to their datums with all that these lead to',
    inLake(async (lake) => {
      const [first, second] = [await aDatum(lake), await aDatum(lake)]
      const set = await aSet(lake, { datum_id: second.datum_id })
      const { annotation_set_id } = set
      await lake.annotationRecords.add({ annotation_set_id, annotations: [aBox()] })
      const manifest = [second.datum_id, first.datum_id]
      const version = await aVersion(lake, { manifest })
      const { resolved_dataset_version: resolved } = await lake.datasetVersions.resolve({
        dataset_name: 'pets',
        version: '1',
      })
      expect(resolved.dataset_version).toEqual(version)
      const singly = await Promise.all(manifest.map((id) => lake.datums.resolve({ id })))
      expect(resolved.datums).toEqual(singly.map(({ resolved_datum }) => resolved_datum))
      expect(resolved.datums[0]?.annotation_records[annotation_set_id]).toHaveLength(1)
    }),
  )

  describe('with a long manifest', () => {
    it(
      'are made, viewed and counted as any other',
      inLake(async (lake) => {
        const made = await Promise.all(
          Array.from({ length: 1200 }, () => aDatum(lake, { asset_refs: {} })),
        )
        const manifest = made.map(({ datum_id }) => datum_id)
        await aVersion(lake, { manifest })
        const named = { dataset_name: 'pets', version: '1' }
        const seen: string[] = []
        let cursor: string | null = null
        do {
          const page = { ...named, cursor, limit: 500 }
          const view: DatasetViewPage = await lake.datasetVersions.viewPage(page)
          seen.push(...view.items.map(({ datum_id }) => datum_id))
          cursor = view.page.next_cursor
        } while (cursor !== null)
        expect(seen).toEqual(manifest)
      }),
    )
  })
}
