import { describe, expect, it } from 'vitest'
import { parseMountUrl } from '../../mount-url.ts'
import { openS3Mount } from './open-s3-mount.ts'

const opened = async (address: string) => await openS3Mount(parseMountUrl(address))

describe('the address of a mount in S3', () => {
  it.each([
    ['s3://bucket', 's3://bucket'],
    ['s3://bucket/', 's3://bucket'],
    ['s3://bucket/pre/fix/', 's3://bucket/pre/fix'],
    ['s3://my.bucket-1//a%20b/%C3%BC', 's3://my.bucket-1/a b/ü'],
    ['s3://b_1/p?endpoint=http://127.0.0.1:9000&region=eu-west-1', 's3://b_1/p'],
    ['s3://bucket?endpoint=https://s3.example.com/sub&presign_endpoint=http://h:1', 's3://bucket'],
  ])('%s', async (address, location) => {
    await using mount = await opened(address)
    expect(mount.location).toBe(location)
  })

  it.each([
    ['s3:///prefix', 'bucket'],
    ['s3://bucket:9000/x', 'bucket'],
    ['s3://b/x', 'bucket'],
    ['s3://bucket/a//b', 'segment'],
    ['s3://bucket/%2e%2e/%5C', 'backslash'],
    ['s3://bucket/%zz', '%zz'],
    ['s3://bucket/x#y', 'bucket'],
    ['s3://bucket?endpoint=127.0.0.1:9000', 'endpoint'],
    ['s3://bucket?endpoint=ftp://h', 'endpoint'],
    ['s3://bucket?endpoint=http://h?x=1', 'endpoint'],
    ['s3://bucket?presign_endpoint=nonsense', 'presign_endpoint'],
    ['s3://bucket?region=eu west', 'region'],
    ['s3://bucket?access_key=x', 'access_key'],
  ])('%s is refused', async (address, named) => {
    await expect(opened(address)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(named),
    })
  })

  it('holds no secrets, and they are not repeated', async () => {
    for (const address of [
      's3://key:secret@bucket/x',
      's3://bucket?endpoint=http://key:secret@127.0.0.1:9000',
      's3://bucket?presign_endpoint=https://key:secret@h',
    ]) {
      const error = await opened(address).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'INVALID_INPUT' })
      expect(String(error)).not.toContain('secret')
    }
  })
})
