import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { MemoryMount } from '@mindtrace/registry/memory'
import { expect, it } from 'vitest'
import { lakeCollections, recordsOf } from '../records/records.ts'
import { aBox, aDatum, aSchema, aSet, aVersion } from '../testing/builders.ts'
import { openLakeOver } from '../testing/local-lakes.ts'

it('counts what other programs have removed, each id once', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lake.db')
  const mounts = { main: new MemoryMount(), other: new MemoryMount() }
  await using lake = await openLakeOver({ database: await openSqliteDatabase({ path }), mounts })
  const schema = await aSchema(lake)
  const datums = await Promise.all(Array.from({ length: 4 }, () => aDatum(lake)))
  const sets = []
  for (const { datum_id } of datums) {
    const { annotation_set_id } = await aSet(lake, {
      datum_id,
      annotation_schema_id: schema.annotation_schema_id,
    })
    const added = await lake.annotationRecords.add({
      annotation_set_id,
      annotations: [aBox(), aBox()],
    })
    sets.push({ annotation_set_id, added })
  }
  const manifest = datums.map(({ datum_id }) => datum_id)
  await aVersion(lake, { dataset_name: 'pets', version: '1', manifest })

  const database = await openSqliteDatabase({ path })
  await database.init(lakeCollections)
  const records = recordsOf(database)
  await records.datums.delete(manifest[0] ?? '')
  await records.assets.delete(Object.values(datums[1]?.asset_refs ?? {})[0] ?? '')
  await records.annotationSets.delete(sets[2]?.annotation_set_id ?? '')
  for await (const record of records.annotationRecords.stream({})) {
    await records.annotationRecords.delete(record.annotation_id)
  }
  await records.annotationSchemas.delete(schema.annotation_schema_id)
  await database.close()

  const report = await lake.datasetVersions.verifyIntegrity({
    dataset_name: 'pets',
    version: '1',
    mode: 'full-db',
    sample_limit: 3,
  })
  expect(report).toMatchObject({
    ok: false,
    manifest_count: 4,
    resolved_manifest_count: 3,
    missing_manifest_datum_count: 1,
    missing_asset_count: 1,
    missing_annotation_set_count: 1,
    missing_annotation_record_count: 4,
    missing_annotation_schema_count: 1,
  })
  expect(report.samples.map(({ kind }) => kind)).toEqual([
    'missing_manifest_datum',
    'missing_asset',
    'missing_annotation_set',
  ])
})
