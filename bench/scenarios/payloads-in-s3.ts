import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { lentChunksOf, mapBounded } from '@mindtrace/core'
import { openRegistry } from '@mindtrace/registry'
import { S3Mount } from '@mindtrace/registry/s3'
import { minioServer } from '@mindtrace/tests/servers/minio'
import { type Measurement, percentile, type Scenario, watchMemory } from '../scenario.ts'
import { cachedReads } from './cached-reads.ts'

const objects = 10_000
const objectBytes = 50_000
const listed = 100_000
const largeBytes = 1024 ** 3
const parallel = 16
const partBytes = 6 * 1024 * 1024
const parallelParts = 4
const largeRounds = 3
const growthBudgetMb = 50
const baseline = 'bare SDK'

/** Objects in a MinIO on this machine, which shares its cores with us. */
export const payloadsInS3: Scenario = {
  name: 'Payloads in S3',
  about:
    'MinIO on the same two cores. Baseline: the bare SDK with the same requests at the same concurrency (16 objects; 4 parts of 6 MiB), hashing as it goes.',
  async run({ shrink }) {
    await using store = await startStore()
    const bare = new S3Client({
      endpoint: store.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
    const bucket = 'bench'
    await bare.send(new CreateBucketCommand({ Bucket: bucket }))
    const mountAt = (prefix: string) => new S3Mount({ endpoint: store.endpoint, bucket, prefix })
    return [
      ...(await smallObjects(bare, bucket, mountAt, Math.round(objects / shrink))),
      ...(await largeObject(bare, bucket, mountAt('large'), Math.round(largeBytes / shrink))),
      await listing(bare, bucket, mountAt('listed'), Math.round(listed / shrink)),
      ...(await cachedReads(
        { endpoint: store.endpoint, bucket },
        {
          count: Math.round(objects / 5 / shrink),
          largeBytes: Math.round(largeBytes / 4 / shrink),
        },
      )),
    ]
  },
}

async function startStore() {
  for (const rung of minioServer.rungs) {
    const found = await rung()
    if (found === undefined) continue
    return { endpoint: found.value, [Symbol.asyncDispose]: async () => found.stop?.() }
  }
  throw new Error(minioServer.without)
}

function bodyOf(index: number): Uint8Array {
  const body = Buffer.alloc(objectBytes, index)
  body.writeUInt32LE(index)
  return body
}

async function smallObjects(
  bare: S3Client,
  bucket: string,
  mountAt: (prefix: string) => S3Mount,
  count: number,
): Promise<Measurement[]> {
  const rates = { bare: [] as number[], mount: [] as number[] }
  const indexes = Array.from({ length: count / 4 }, (_, index) => index)
  await using mount = mountAt('many')
  await mount.write('first', new Uint8Array(1))
  const rateOf = async (put: (index: number) => Promise<unknown>) => {
    const ms = await timed(() => mapBounded(indexes, parallel, put))
    return (indexes.length * 1000) / ms
  }
  // In turn, so that both have the same store.
  for (let round = 0; round < 4; round++) {
    const barely = () =>
      rateOf((index) =>
        bare.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: `bare/${round}-${index}`,
            Body: bodyOf(index),
          }),
        ),
      )
    const ours = () => rateOf((index) => mount.write(`${round}-${index}`, bodyOf(index)))
    if (round % 2 === 0) rates.bare.push(await barely())
    rates.mount.push(await ours())
    if (round % 2 === 1) rates.bare.push(await barely())
  }
  await using registry = await openRegistry(mountAt('registry'), {})
  await registry.put('first', new Uint8Array(1))
  const registryMs = await timed(async () => {
    for (let from = 0; from < indexes.length; from += 64) {
      await registry.putMany(
        indexes
          .slice(from, from + 64)
          .map((index) => ({ name: `n-${index}`, body: bodyOf(index) })),
      )
    }
  })
  const bareRate = mean(rates.bare)
  const registryRate = (indexes.length * 1000) / registryMs
  return [
    {
      what: 'write 10,000 keys of 50 KB',
      value: mean(rates.mount),
      unit: 'keys/s',
      baseline: { name: baseline, value: bareRate },
      budget: { text: 'at least 0.9 of it', kept: mean(rates.mount) >= 0.9 * bareRate },
    },
    {
      what: 'put objects of 50 KB: payload and document',
      value: registryRate,
      unit: 'objects/s',
      baseline: { name: `${baseline}, half its keys`, value: bareRate / 2 },
    },
  ]
}

async function largeObject(
  bare: S3Client,
  bucket: string,
  mount: S3Mount,
  sizeBytes: number,
): Promise<Measurement[]> {
  await mount.write('first', source(1))
  await bareUpload(bare, bucket, 'bare/first', source(1))
  const ms = {
    up: [] as number[],
    bareUp: [] as number[],
    down: [] as number[],
    bareDown: [] as number[],
  }
  let grown = 0
  for (let round = 0; round < largeRounds; round++) {
    const us = async () => {
      const memory = watchMemory()
      ms.up.push(await timed(() => mount.write('large', source(sizeBytes))))
      ms.down.push(await timed(async () => hashOf(lentChunksOf((await mount.read('large')).body))))
      grown = Math.max(grown, memory.stop())
    }
    if (round % 2 === 0) await us()
    ms.bareUp.push(await timed(() => bareUpload(bare, bucket, 'bare/large', source(sizeBytes))))
    ms.bareDown.push(
      await timed(async () => {
        const place = { Bucket: bucket, Key: 'bare/large' }
        const { Body } = await bare.send(new GetObjectCommand(place))
        await hashOf(Body as unknown as AsyncIterable<Uint8Array>)
      }),
    )
    if (round % 2 === 1) await us()
  }
  const row = (what: string, ours: readonly number[], bares: readonly number[]): Measurement => {
    const [value, beside] = [ours, bares].map((one) => sizeBytes / percentile(one, 0.5) / 1000)
    return {
      what,
      value: value as number,
      unit: 'MB/s',
      baseline: { name: baseline, value: beside as number },
      budget: { text: 'at least 0.9 of it', kept: (value as number) >= 0.9 * (beside as number) },
    }
  }
  return [
    row(`write 1 GB from a stream, median of ${largeRounds}`, ms.up, ms.bareUp),
    row(`read 1 GB, median of ${largeRounds}`, ms.down, ms.bareDown),
    {
      what: 'memory grown meanwhile',
      value: grown,
      unit: 'MB',
      budget: { text: '< 50 MB', kept: grown < growthBudgetMb },
    },
  ]
}

/** Parts as they come, each in a buffer that is used again; the hash in the same pass. */
async function bareUpload(
  bare: S3Client,
  bucket: string,
  key: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const place = { Bucket: bucket, Key: key }
  const { UploadId } = await bare.send(new CreateMultipartUploadCommand(place))
  const hash = createHash('sha256')
  const parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = []
  const spare: Uint8Array<ArrayBuffer>[] = []
  const underWay = new Set<Promise<void>>()
  const send = async (buffer: Uint8Array<ArrayBuffer>, sizeBytes: number) => {
    while (underWay.size >= parallelParts) await Promise.race(underWay)
    const PartNumber = parts.length + 1
    parts.push({ PartNumber, ETag: undefined })
    const Body = buffer.subarray(0, sizeBytes)
    const one = bare
      .send(new UploadPartCommand({ ...place, UploadId, PartNumber, Body }))
      .then(({ ETag }) => {
        parts[PartNumber - 1] = { PartNumber, ETag }
        spare.push(buffer)
      })
      .finally(() => underWay.delete(one))
    underWay.add(one)
  }
  let buffer = new Uint8Array(partBytes)
  let filled = 0
  for await (const chunk of body) {
    hash.update(chunk)
    for (let at = 0; at < chunk.byteLength; ) {
      const piece = chunk.subarray(at, at + partBytes - filled)
      buffer.set(piece, filled)
      filled += piece.byteLength
      at += piece.byteLength
      if (filled < partBytes) continue
      await send(buffer, filled)
      buffer = spare.pop() ?? new Uint8Array(partBytes)
      filled = 0
    }
  }
  if (filled > 0) await send(buffer, filled)
  await Promise.all(underWay)
  await bare.send(
    new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts: parts } }),
  )
}

async function listing(
  bare: S3Client,
  bucket: string,
  mount: S3Mount,
  count: number,
): Promise<Measurement> {
  const keys = Array.from({ length: count }, (_, index) => `key-${String(index).padStart(6, '0')}`)
  await mapBounded(keys, 32, (key) =>
    bare.send(
      new PutObjectCommand({ Bucket: bucket, Key: `listed/${key}`, Body: Buffer.alloc(0) }),
    ),
  )
  const bareOnce = () =>
    timed(async () => {
      let seen = 0
      const pages = paginateListObjectsV2({ client: bare }, { Bucket: bucket, Prefix: 'listed/' })
      for await (const { Contents = [] } of pages) seen += Contents.length
      if (seen !== count) throw new Error(`the SDK listed ${seen} keys`)
    })
  const once = () =>
    timed(async () => {
      let seen = 0
      for await (const _ of mount.list('')) seen += 1
      if (seen !== count) throw new Error(`we listed ${seen} keys`)
    })
  const rates = { ours: [] as number[], bare: [] as number[] }
  for (let round = 0; round < 3; round++) {
    rates.bare.push((count * 1000) / (await bareOnce()))
    rates.ours.push((count * 1000) / (await once()))
  }
  const value = mean(rates.ours)
  return {
    what: 'list 100,000 keys',
    value,
    unit: 'keys/s',
    baseline: { name: baseline, value: mean(rates.bare) },
    budget: { text: 'at least 0.9 of it', kept: value >= 0.9 * mean(rates.bare) },
  }
}

/** Fills the reader's memory: chunks of its own would be garbage of tens of megabytes, counted as ours. */
function source(sizeBytes: number): ReadableStream<Uint8Array> {
  let left = sizeBytes
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: 256 * 1024,
    pull(controller) {
      const { byobRequest } = controller
      const view = byobRequest?.view as Uint8Array
      const size = Math.min(left, view.byteLength)
      view.fill(left & 0xff, 0, size)
      left -= size
      byobRequest?.respond(size)
      if (left === 0) controller.close()
    },
  })
}

async function hashOf(body: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
