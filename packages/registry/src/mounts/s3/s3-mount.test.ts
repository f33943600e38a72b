import { randomUUID } from 'node:crypto'
import { describe } from 'vitest'
import { describeMount } from '../../testing/index.ts'
import { S3Mount } from './s3-mount.ts'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describe.skipIf(endpoint === '')('with MINDTRACE_TEST_S3_ENDPOINT', () => {
  const bucket = `mindtrace-${randomUUID()}`
  let mounts = 0

  const aMount = () => {
    mounts += 1
    return new S3Mount({ endpoint, bucket, prefix: `mount-${mounts}` })
  }

  describeMount('s3', { create: aMount })
})
