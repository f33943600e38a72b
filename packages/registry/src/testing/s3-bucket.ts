import { randomUUID } from 'node:crypto'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'

/** The store that tests run on, or nothing. */
export const s3Endpoint = process.env.MINDTRACE_TEST_S3_ENDPOINT ?? ''

/** A bucket of a test file's own, removed with all in it when disposed. */
export interface S3Bucket extends AsyncDisposable {
  readonly name: string
  /** The bare SDK, for what others do to a bucket. */
  readonly client: S3Client
}

/** Names a bucket of the store of {@link s3Endpoint}; `create` makes it, otherwise the first write does. */
export async function s3Bucket({ create = false } = {}): Promise<S3Bucket> {
  const name = `mindtrace-${randomUUID()}`
  const client = new S3Client({ endpoint: s3Endpoint, region: 'us-east-1', forcePathStyle: true })
  if (create) await client.send(new CreateBucketCommand({ Bucket: name }))
  return {
    name,
    client,
    async [Symbol.asyncDispose]() {
      try {
        for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket: name })) {
          const Objects = (Contents ?? []).map(({ Key }) => ({ Key }))
          if (Objects.length === 0) continue
          await client.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects } }))
        }
        await client.send(new DeleteBucketCommand({ Bucket: name }))
      } catch (error) {
        // Nothing was written to it.
        if ((error as Error).name !== 'NoSuchBucket') throw error
      } finally {
        client.destroy()
      }
    },
  }
}
