import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../registry.ts'
import { describePayloadCache } from '../../testing/describe-payload-cache.ts'
import { describeRegistry } from '../../testing/index.ts'
import { S3Mount } from './s3-mount.ts'

const endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

describe.skipIf(endpoint === '')('with MINDTRACE_TEST_S3_ENDPOINT', () => {
  const bucket = `registry-${randomUUID()}`
  let mounts = 0

  const create = () => {
    mounts += 1
    return new S3Mount({ endpoint, bucket, prefix: `mount-${mounts}` })
  }

  describeRegistry('s3', { isRemote: true, create })
  describePayloadCache('s3', { isRemote: true, create })

  it('makes the bucket before it sends a client there', async () => {
    await using mount = new S3Mount({ endpoint, bucket: `new-${randomUUID()}` })
    const registry = await openRegistry(mount)
    const target = await registry.uploads.begin('u', {
      contentType: 'text/plain',
      expiresInMs: 60_000,
    })
    if (target.method !== 'presigned_url') throw new Error(target.method)
    const { url, method, headers } = target.request
    expect((await fetch(url, { method, headers, body: 'hello' })).status).toBe(200)
    const object = await registry.uploads.commit('x', target.stagedTarget)
    expect(object).toMatchObject({ name: 'x', sizeBytes: 5 })
  })
})
