import { describe } from 'vitest'
import { describeRecords, describeSchemas, describeSets } from './contract/annotations.ts'
import { describeAppendedUploads } from './contract/appended-uploads.ts'
import { describeArchives } from './contract/archives.ts'
import { describeAssets } from './contract/assets.ts'
import { describeCollections, describeRetentions } from './contract/collections.ts'
import { describeDatasets, describeDatasetViews } from './contract/dataset-views.ts'
import { describeDatasetVersions, describeDatums } from './contract/datums.ts'
import { describeSignedDownloads } from './contract/downloads.ts'
import { describeFilters } from './contract/filters.ts'
import { describeGc } from './contract/gc.ts'
import { describeInPlace } from './contract/in-place.ts'
import { describeIngest } from './contract/ingest.ts'
import { describeIntegrity } from './contract/integrity.ts'
import { describeKeys } from './contract/keys.ts'
import { describeObjects, describeStreams } from './contract/objects.ts'
import { describePages } from './contract/paging.ts'
import { describeResources } from './contract/resource-tests.ts'
import { describeRows } from './contract/rows.ts'
import { describeNoUploads, describeUploads } from './contract/uploads.ts'
import { describeWholeLake } from './contract/whole-lake.ts'
import { inLakeOf, type LakeUnderTest } from './lake-under-test.ts'

/** What every lake must do, as tests. A bug found in one kind of lake becomes a case here. */
export function describeLake(name: string, underTest: LakeUnderTest): void {
  const inLake = inLakeOf(underTest)
  describe(`lake: ${name}`, () => {
    describe('resources', () => describeResources(inLake))
    describe('pages', () => describePages(inLake))
    describe('rows', () => describeRows(inLake))
    describe('archives', () => describeArchives(inLake))
    describe('filters', () => describeFilters(inLake))
    describe('objects', () => describeObjects(inLake))
    describe('streams', () => describeStreams(inLake))
    describe('assets', () => describeAssets(inLake))
    describe('signed downloads', () => describeSignedDownloads(inLake))
    describe('uploads', () =>
      underTest.takesUploads === true ? describeUploads(inLake) : describeNoUploads(inLake))
    if (underTest.takesUploads === true) {
      describe('bytes through the lake', () => describeAppendedUploads(inLake))
    }
    describe('collections', () => describeCollections(inLake))
    describe('retentions', () => describeRetentions(inLake))
    describe('annotation schemas', () => describeSchemas(inLake))
    describe('annotation sets', () => describeSets(inLake))
    describe('annotation records', () => describeRecords(inLake))
    describe('datums', () => describeDatums(inLake))
    describe('dataset versions', () => describeDatasetVersions(inLake))
    describe('dataset views', () => describeDatasetViews(inLake))
    describe('integrity', () => describeIntegrity(inLake))
    describe('datasets', () => describeDatasets(inLake))
    describe('keys', () => describeKeys(inLake))
    describe('the whole lake', () => describeWholeLake(inLake))
    describe('ingests', () => describeIngest(inLake, underTest))
    describe('assets in place', () => describeInPlace(inLake))
    describe('payloads that nothing refers to', () => describeGc(inLake))
  })
}
