import { randomUUID } from 'node:crypto'
import { describe } from 'vitest'
import { describeRegistry } from '../../testing/index.ts'
import { S3Mount } from './s3-mount.ts'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describe.skipIf(endpoint === '')('with MINDTRACE_TEST_S3_ENDPOINT', () => {
  const bucket = `registry-${randomUUID()}`
  let mounts = 0

  describeRegistry('s3', {
    isRemote: true,
    create: () => {
      mounts += 1
      return new S3Mount({ endpoint, bucket, prefix: `mount-${mounts}` })
    },
  })
})
