export type { LakeCacheOptions } from './address/cache-options.ts'
export { type LakeCache, lakeCache } from './address/lake-cache.ts'
export { LakeConfig, parseLakeConfig } from './address/lake-config.ts'
export {
  backUpLake,
  type LakeBackupOptions,
  type LakeBackupProgress,
  type LakeDatabaseOptions,
  openLakeDatabase,
} from './address/lake-database.ts'
export { type FolderInLake, mountFolder } from './address/mount-folder.ts'
export { type OpenLakeOptions, openLake } from './address/open-lake.ts'
export { type LocalLake, type LocalLakeOptions, openLocalLake } from './lake.ts'
export type { LakeSettings, SlowOperations } from './lake-parts.ts'
export { lakeCollections } from './records/records.ts'
export {
  type CopiedCollection,
  type CopyOptions,
  type CopyProgress,
  copyRecords,
} from './transfer/copy-records.ts'
