import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { lentChunksOf, mapBounded } from '@mindtrace/core'
import { openRegistry, type Registry } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { type Measurement, percentile, type Scenario, settleDisk } from '../scenario.ts'

const neighbours = 100_000
const probes = 400
const objects = 10_000
const objectBytes = 50_000
const gigabyte = 1024 ** 3
const growthBudgetMb = 50

/** Objects in a folder of this machine: neighbours, many small ones, large ones. */
export const payloadsOnDisk: Scenario = {
  name: 'Payloads on disk',
  about:
    'Objects in a local mount, durable as by default. Baselines: an empty folder; the same bytes written as plain files named by their hash with the same `fsync`s (file, then folder); a plain loop that reads, hashes and writes.',
  async run({ folder, shrink }) {
    return [
      ...(await flatFolder(folder, shrink)),
      ...(await manyObjects(folder, shrink)),
      ...(await largeObject(folder, Math.round(gigabyte / shrink), '1 GB')),
      ...(await largeObject(folder, Math.round((10 * gigabyte) / shrink), '10 GB')),
      ...(await memoryOfStreams(folder, Math.round((10 * gigabyte) / shrink))),
    ]
  },
}

async function flatFolder(folder: string, shrink: number): Promise<Measurement[]> {
  const openAt = (name: string, durability: 'file' | 'none') =>
    openRegistry(new LocalMount(join(folder, name), { durability }), { mutable: true })
  {
    await using seed = await openAt('full', 'none')
    const count = Math.round(neighbours / shrink)
    for (let from = 0; from < count; from += 1000) {
      await seed.putMany(
        Array.from({ length: Math.min(1000, count - from) }, (_, index) => ({
          name: `object-${from + index}`,
          body: new Uint8Array(100).fill(index),
        })),
      )
    }
    await settleDisk()
  }
  await using empty = await openAt('empty', 'file')
  await using full = await openAt('full', 'file')
  await empty.put('first', new Uint8Array(1))
  // Turn about, so that both have the same disk.
  const saves = { empty: [] as number[], full: [] as number[] }
  const lookups = { empty: [] as number[], full: [] as number[] }
  for (let probe = 0; probe < probes; probe++) {
    const name = `probe-${probe}`
    for (const [where, registry] of Object.entries({ empty, full })) {
      const key = where as keyof typeof saves
      saves[key].push(await timed(() => registry.put(name, new Uint8Array(objectBytes))))
      lookups[key].push(await timed(() => read(registry, name)))
    }
  }
  const row = (what: string, samples: typeof saves): Measurement => {
    const value = percentile(samples.full, 0.5)
    const baseline = percentile(samples.empty, 0.5)
    return {
      what,
      value,
      unit: 'ms',
      baseline: { name: 'an empty folder', value: baseline },
      budget: { text: 'at most 1.2 times', kept: value <= baseline * 1.2 },
    }
  }
  return [
    row('save beside 100,000 objects, median', saves),
    row('lookup and read beside 100,000 objects, median', lookups),
  ]
}

async function manyObjects(folder: string, shrink: number): Promise<Measurement[]> {
  const count = Math.round(objects / shrink)
  const bodyOf = (index: number) => {
    const body = Buffer.alloc(objectBytes, index)
    body.writeUInt32LE(index)
    return body
  }
  const plain = join(folder, 'plain')
  await mkdir(plain)
  await settleDisk()
  const baselineMs = await timed(async () => {
    for (let from = 0; from < count; from += 64) {
      const group = Array.from({ length: Math.min(64, count - from) }, (_, index) => from + index)
      await mapBounded(group, 8, (index) => plainWrite(plain, bodyOf(index)))
      const directory = await open(plain)
      await directory.sync()
      await directory.close()
    }
  })
  await settleDisk()
  await using registry = await openRegistry(new LocalMount(join(folder, 'many')), {})
  const oursMs = await timed(async () => {
    for (let from = 0; from < count; from += 64) {
      const outcomes = await registry.putMany(
        Array.from({ length: Math.min(64, count - from) }, (_, index) => ({
          name: `sha256-${from + index}`,
          body: bodyOf(from + index),
        })),
      )
      for (const { status } of outcomes) if (status !== 'stored') throw new Error(status)
    }
  })
  const value = (count * 1000) / oursMs
  const baseline = (count * 1000) / baselineMs
  return [
    {
      what: 'put 10,000 objects of 50 KB',
      value,
      unit: 'objects/s',
      baseline: { name: 'one plain file each', value: baseline },
      budget: { text: 'at least 0.8 of it', kept: value >= 0.8 * baseline },
    },
  ]
}

async function plainWrite(folder: string, body: Uint8Array): Promise<void> {
  const name = createHash('sha256').update(body).digest('hex')
  const temporary = join(folder, `.${name}`)
  const file = await open(temporary, 'wx')
  await file.write(body)
  await file.datasync()
  await file.close()
  await rename(temporary, join(folder, name))
}

async function largeObject(
  folder: string,
  sizeBytes: number,
  size: string,
): Promise<Measurement[]> {
  const source = join(folder, `source-${size}`)
  await writeFile(source, 'sparse')
  await truncate(source, sizeBytes)
  const plainUpMs = await timed(() => readHashWrite(source, join(folder, `plain-${size}`)))
  await settleDisk()
  await using registry = await openRegistry(new LocalMount(join(folder, `large-${size}`)), {})
  const upMs = await timed(() => registry.put('large', streamOf(source)))
  await settleDisk()
  const plainDownMs = await timed(() => readHash(join(folder, `plain-${size}`)))
  const downMs = await timed(() => read(registry, 'large'))
  const row = (what: string, ms: number, plainMs: number): Measurement => {
    const value = sizeBytes / ms / 1000
    const baseline = sizeBytes / plainMs / 1000
    return {
      what,
      value,
      unit: 'MB/s',
      baseline: {
        name: what.startsWith('put') ? 'read, hash, write, sync' : 'read, hash',
        value: baseline,
      },
      budget: { text: 'at least 0.9 of it', kept: value >= 0.9 * baseline },
    }
  }
  return [
    row(`put ${size} from a file`, upMs, plainUpMs),
    row(`read ${size}, verified`, downMs, plainDownMs),
  ]
}

/** What a stream costs in memory. Node's own file streams leave more garbage than we do, so none is the source. */
async function memoryOfStreams(folder: string, sizeBytes: number): Promise<Measurement[]> {
  await using registry = await openRegistry(new LocalMount(join(folder, 'memory')), {})
  // What streams need once for all, the hashing thread above all, is not growth.
  await registry.put('first', repeated(1))
  const putting = watchMemory()
  await registry.put('large', repeated(sizeBytes))
  const put = putting.stop()
  const reading = watchMemory()
  const { body } = await registry.open('large')
  for await (const _ of lentChunksOf(body));
  const got = reading.stop()
  const keeping = watchMemory()
  await read(registry, 'large')
  const kept = keeping.stop()
  const plain = watchMemory()
  await readHash(join(folder, 'memory', 'large', '1.0.0', 'data.txt'))
  return [
    {
      what: 'memory grown while 10 GB went in',
      value: put,
      unit: 'MB',
      budget: { text: '< 50 MB', kept: put < growthBudgetMb },
    },
    {
      what: 'memory grown while 10 GB were read into the same memory',
      value: got,
      unit: 'MB',
      budget: { text: '< 50 MB', kept: got < growthBudgetMb },
    },
    {
      what: 'memory grown while 10 GB were read in chunks of their own',
      value: kept,
      unit: 'MB',
      baseline: { name: 'createReadStream, after that', value: plain.stop() },
    },
  ]
}

function streamOf(path: string): ReadableStream<Uint8Array> {
  return Readable.toWeb(createReadStream(path, { highWaterMark: 1024 * 1024 })) as never
}

function repeated(sizeBytes: number): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(1024 * 1024)
  let left = sizeBytes
  return new ReadableStream({
    pull(controller) {
      if (left > 0) controller.enqueue(chunk.subarray(0, Math.min(left, chunk.byteLength)))
      left -= chunk.byteLength
      if (left <= 0) controller.close()
    },
  })
}

async function readHashWrite(from: string, to: string): Promise<void> {
  const hash = createHash('sha256')
  const target = createWriteStream(`${to}.part`, { highWaterMark: 4 * 1024 * 1024, flush: true })
  await pipeline(
    createReadStream(from, { highWaterMark: 1024 * 1024 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    target,
  )
  hash.digest()
  await rename(`${to}.part`, to)
}

async function readHash(from: string): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(from, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer)
  }
  hash.digest()
}

async function read(registry: Registry, name: string): Promise<void> {
  const { body } = await registry.open(name)
  for await (const _ of body);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function watchMemory(): { readonly stop: () => number } {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  return {
    stop: () => {
      clearInterval(timer)
      return (peak - before) / 1e6
    },
  }
}
