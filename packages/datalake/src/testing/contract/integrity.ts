import { expect, it } from 'vitest'
import { aBox, aDatum, anAsset, anImage, aSet, aVersion } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'

const named = { dataset_name: 'pets', version: '1' } as const
const clean = {
  duplicate_manifest_count: 0,
  missing_manifest_datum_count: 0,
  missing_asset_count: 0,
  missing_annotation_set_count: 0,
  missing_annotation_record_count: 0,
  missing_annotation_schema_count: 0,
  missing_mask_asset_count: 0,
  registry_missing_payload_count: 0,
  invalid_mount_count: 0,
}

/** `dataset_versions.verify_integrity` on what a lake lets be stored. */
export function describeIntegrity(inLake: InLake): void {
  it(
    'finds nothing wrong with a whole version, in each mode',
    inLake(async (lake) => {
      const { asset_id } = await anImage(lake)
      const datum = await aDatum(lake, { asset_refs: { image: asset_id } })
      await aSet(lake, { datum_id: datum.datum_id })
      await aVersion(lake, { ...named, manifest: [datum.datum_id] })
      for (const mode of ['fast', 'full-db', 'full-lake'] as const) {
        expect(await lake.datasetVersions.verifyIntegrity({ ...named, mode })).toEqual({
          ok: true,
          ...named,
          mode,
          manifest_count: 1,
          resolved_manifest_count: 1,
          ...clean,
          samples: [],
        })
      }
    }),
  )

  it(
    'finds payloads that are not there and mounts that are none, once each',
    inLake(async (lake) => {
      const missing = await anAsset(lake)
      const nowhere = await anAsset(lake, {
        storage_ref: { mount: 'nowhere', name: 'x', version: '1.0.0' },
      })
      const refs = { image: missing.asset_id, other: nowhere.asset_id }
      const manifest = [
        (await aDatum(lake, { asset_refs: refs })).datum_id,
        (await aDatum(lake, { asset_refs: refs })).datum_id,
      ]
      await aVersion(lake, { ...named, manifest })
      expect(await lake.datasetVersions.verifyIntegrity(named)).toMatchObject({ ok: true })
      const report = await lake.datasetVersions.verifyIntegrity({ ...named, mode: 'full-lake' })
      expect(report).toMatchObject({
        ok: false,
        ...clean,
        registry_missing_payload_count: 1,
        invalid_mount_count: 1,
      })
      expect(report.samples.toSorted((a, b) => a.kind.localeCompare(b.kind))).toEqual([
        { kind: 'invalid_mount', id: nowhere.asset_id, detail: 'nowhere' },
        {
          kind: 'registry_missing_payload',
          id: missing.asset_id,
          detail: 'main/not-there@1.0.0',
        },
      ])
      const one = await lake.datasetVersions.verifyIntegrity({
        ...named,
        mode: 'full-lake',
        sample_limit: 1,
      })
      expect(one.samples).toHaveLength(1)
    }),
  )

  it(
    'finds masks that no asset is, once however many annotations name them',
    inLake(async (lake) => {
      const datum = await aDatum(lake)
      const { annotation_set_id } = await aSet(lake, { datum_id: datum.datum_id })
      const mask = () =>
        aBox({ kind: 'mask', geometry: { mask_asset_id: 'asset_gone', format: 'png' } })
      await lake.annotationRecords.add({ annotation_set_id, annotations: [mask(), mask()] })
      await aVersion(lake, { ...named, manifest: [datum.datum_id] })
      const report = await lake.datasetVersions.verifyIntegrity({ ...named, mode: 'full-db' })
      expect(report).toMatchObject({ ok: false, ...clean, missing_mask_asset_count: 1 })
      expect(report.samples).toEqual([
        { kind: 'missing_mask_asset', id: 'asset_gone', detail: null },
      ])
    }),
  )

  it(
    'refuses versions there are none of, and modes',
    inLake(async (lake) => {
      const verify = (request: object) =>
        lake.datasetVersions.verifyIntegrity({ ...named, ...request } as never)
      await expectRefusals([
        ['NOT_FOUND', () => verify({})],
        ['VALIDATION_FAILED', () => verify({ mode: 'bogus' })],
        ['VALIDATION_FAILED', () => verify({ sample_limit: 501 })],
      ])
    }),
  )
}
