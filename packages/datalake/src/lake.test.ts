import { afterAll, describe } from 'vitest'
import { describeLake } from './testing/describe-lake.ts'
import { openFolderLake, openMemoryLake } from './testing/local-lakes.ts'
import { MongoLakes } from './testing/mongo-lake.ts'
import { s3Lakes } from './testing/s3-lake.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''
const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describeLake('in memory', { open: openMemoryLake })
describeLake('in a folder', { open: openFolderLake, takesUploads: true })
describe.skipIf(mongodb === '')('with MINDTRACE_TEST_MONGODB_URL', () => {
  const lakes = new MongoLakes(mongodb)
  afterAll(() => lakes[Symbol.asyncDispose]())
  describeLake('in MongoDB', { open: (wishes) => lakes.open(wishes) })
})
describe.skipIf(s3 === '')('with MINDTRACE_TEST_S3_ENDPOINT', () => {
  describeLake('over an S3 bucket', s3Lakes(s3))
})
