export type { DatabasePlace, DatabaseUnderTest } from './database-under-test.ts'
export { describeDatabase } from './describe-database.ts'
export { type DatabaseCall, type Failure, failingDatabase } from './failing-database.ts'
export { mongoPlace } from './mongo-place.ts'
