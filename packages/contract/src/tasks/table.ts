import { annotationRecordsTasks } from './annotation-records.ts'
import { annotationSchemasTasks } from './annotation-schemas.ts'
import { annotationSetsTasks } from './annotation-sets.ts'
import { assetRetentionsTasks } from './asset-retentions.ts'
import { assetsTasks } from './assets.ts'
import { collectionItemsTasks } from './collection-items.ts'
import { collectionsTasks } from './collections.ts'
import { datasetImportTasks } from './dataset-import.ts'
import { datasetSyncTasks } from './dataset-sync.ts'
import { datasetVersionsTasks } from './dataset-versions.ts'
import { datumsTasks } from './datums.ts'
import { importSessionsTasks } from './import-sessions.ts'
import { integrityTasks } from './integrity.ts'
import { objectsTasks } from './objects.ts'
import { replicationTasks } from './replication.ts'
import { replicationTasksTasks } from './replication-tasks.ts'
import { serviceTasks } from './service.ts'
import { streamingImportTasks } from './streaming-import.ts'

/**
 * Every task of the Python service, under its name there, in its order. `endpoints` lists exactly these;
 * what we add beside them stands in `extensions`.
 */
export const tasks = {
  ...serviceTasks,
  ...objectsTasks,
  ...assetsTasks,
  ...collectionsTasks,
  ...collectionItemsTasks,
  ...assetRetentionsTasks,
  ...annotationSchemasTasks,
  ...annotationSetsTasks,
  ...annotationRecordsTasks,
  ...datumsTasks,
  ...datasetVersionsTasks,
  ...datasetSyncTasks,
  ...datasetImportTasks,
  ...importSessionsTasks,
  ...streamingImportTasks,
  ...integrityTasks,
  ...replicationTasks,
  ...replicationTasksTasks,
} as const
