import { describe } from 'vitest'
import { bytes } from '../testing/builders.ts'
import { describeUploads } from '../testing/contract/uploads.ts'
import { inLakeOf, type LakeWishes } from '../testing/lake-under-test.ts'
import { openFolderLake } from '../testing/local-lakes.ts'
import { s3Lakes } from '../testing/s3-lake.ts'

const s3 = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describe('uploads to a folder', () => describeUploads(inLakeOf({ open: openFolderLake })))

describe.skipIf(s3 === '')('with MINDTRACE_TEST_S3_ENDPOINT', () => {
  const lakes = s3Lakes(s3)
  const open = async (wishes?: LakeWishes) => {
    const lake = await lakes.open(wishes)
    // The mount makes its bucket with its first write, and the store takes no upload before.
    await lake.streams.writeObject({ mount: null, name: 'first' }, bytes('first'))
    return lake
  }
  describe('uploads to an S3 bucket', () => describeUploads(inLakeOf({ open })))
})
