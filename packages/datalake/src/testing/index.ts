export { describeLake } from './describe-lake.ts'
export type { LakeUnderTest, LakeWishes } from './lake-under-test.ts'
export { openMemoryLake } from './local-lakes.ts'
