import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../registry.ts'
import { describeCopies } from '../../testing/describe-copies.ts'
import { describePayloadCache } from '../../testing/describe-payload-cache.ts'
import { describeRegistry, someStream } from '../../testing/index.ts'
import { MemoryMount } from '../memory/index.ts'
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
  const another = () => {
    mounts += 1
    return new S3Mount({ endpoint, bucket: `${bucket}-2`, prefix: `mount-${mounts}` })
  }
  describeCopies('s3, to another bucket', {
    isRemote: true,
    isByStore: true,
    create: () => ({ from: create(), to: another() }),
  })
  describeCopies('from a folder to s3', {
    isRemote: true,
    isByStore: false,
    create: () => ({ from: new MemoryMount(), to: create() }),
  })
  describeCopies('from s3 to a folder', {
    isRemote: true,
    isByStore: false,
    create: () => ({ from: create(), to: new MemoryMount() }),
  })

  it('copies what is large to another bucket in parts', async () => {
    const from = await openRegistry(create())
    const parts = { endpoint, bucket: `${bucket}-2`, prefix: 'parts', copyPartBytes: 5 * 1024 ** 2 }
    const to = await openRegistry(new S3Mount(parts))
    const source = await from.put('x', someStream(12_000_000))
    expect(await to.copyFrom(from, 'x')).toEqual(source)
    expect(await to.verify('x')).toBe(true)
    expect(await to.mount.sweep({ olderThanMs: -1000 })).toBe(0)
    await from[Symbol.asyncDispose]()
    await to[Symbol.asyncDispose]()
  })

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
