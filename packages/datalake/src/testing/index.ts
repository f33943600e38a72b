export { describeUploads } from './contract/uploads.ts'
export { describeLake } from './describe-lake.ts'
export { inLakeOf, type LakeUnderTest, type LakeWishes } from './lake-under-test.ts'
export { openFolderLake, openMemoryLake } from './local-lakes.ts'
