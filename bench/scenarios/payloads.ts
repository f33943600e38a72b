import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { lentChunksOf, mapBounded } from '@mindtrace/core'
import { fileStream } from '@mindtrace/core/files'
import { openRegistry, type Registry } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import {
  type Measurement,
  percentile,
  type Scenario,
  settleDisk,
  watchMemory,
} from '../scenario.ts'

const neighbours = 100_000
const probes = 400
const objects = 10_000
const objectBytes = 50_000
/** So many of each kind in turn. */
const batchObjects = 512
const gigabyte = 1024 ** 3
const growthBudgetMb = 50

/** Objects in a folder of this machine: neighbours, many small ones, large ones. */
export const payloadsOnDisk: Scenario = {
  name: 'Payloads on disk',
  about:
    'Objects in a local mount, durable as by default. Baselines: an empty folder; the same bytes written as plain files named by their hash with the same `fsync`s (file, then folder), and as the tree that the layout wants, 8 in flight; a plain loop that reads, hashes and writes.',
  async run({ folder, shrink }) {
    return [
      ...(await flatFolder(folder, shrink)),
      ...(await manyObjects(folder, shrink)),
      ...(await largeObject(folder, Math.round(gigabyte / shrink), '1 GB', 3)),
      ...(await largeObject(folder, Math.round((10 * gigabyte) / shrink), '10 GB', 1)),
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

/** In turn, batch by batch, so that all have the same disk: a file system's mood changes within seconds. */
async function manyObjects(folder: string, shrink: number): Promise<Measurement[]> {
  const count = Math.round(objects / shrink)
  const bodyOf = (index: number) => {
    const body = Buffer.alloc(objectBytes, index)
    body.writeUInt32LE(index)
    return body
  }
  const [files, tree] = [join(folder, 'files'), join(folder, 'tree')]
  for (const one of [files, tree]) await mkdir(one)
  await using registry = await openRegistry(new LocalMount(join(folder, 'many')), {})
  await registry.put('first', new Uint8Array(1))
  const writePlainly = async (
    root: string,
    group: readonly number[],
    write: (root: string, body: Uint8Array) => Promise<void>,
  ) => {
    await mapBounded(group, 8, (index) => write(root, bodyOf(index)))
    const directory = await open(root)
    await directory.sync()
    await directory.close()
  }
  const turns = {
    ours: async (group: readonly number[]) => {
      const items = group.map((index) => ({ name: `sha256-${index}`, body: bodyOf(index) }))
      for (const { status } of await registry.putMany(items)) {
        if (status !== 'stored') throw new Error(status)
      }
    },
    files: (group: readonly number[]) => writePlainly(files, group, plainWrite),
    tree: (group: readonly number[]) => writePlainly(tree, group, plainTree),
  }
  const names = Object.keys(turns) as (keyof typeof turns)[]
  const ms = { ours: 0, files: 0, tree: 0 }
  await settleDisk()
  for (let from = 0, turn = 0; from < count; from += batchObjects, turn += 1) {
    const indexes = Array.from(
      { length: Math.min(batchObjects, count - from) },
      (_, index) => from + index,
    )
    for (const name of [...names.slice(turn % 3), ...names.slice(0, turn % 3)]) {
      for (let at = 0; at < indexes.length; at += 64) {
        ms[name] += await timed(() => turns[name](indexes.slice(at, at + 64)))
      }
    }
  }
  const rate = (name: keyof typeof ms) => (count * 1000) / ms[name]
  const value = rate('ours')
  return [
    {
      what: 'put 10,000 objects of 50 KB',
      value,
      unit: 'objects/s',
      baseline: { name: 'one plain file each', value: rate('files') },
    },
    {
      what: 'the same, beside the same tree',
      value,
      unit: 'objects/s',
      baseline: { name: 'two folders, payload and document each', value: rate('tree') },
      // Decision 0022.
      budget: { text: 'at least 0.8 of it', kept: value >= 0.8 * rate('tree') },
    },
  ]
}

/** The tree that the registry's layout wants, with nothing but that: no lock, no look at what is there. */
async function plainTree(root: string, body: Uint8Array): Promise<void> {
  const sha256 = createHash('sha256').update(body).digest('hex')
  const target = join(root, sha256, '1.0.0')
  await mkdir(target, { recursive: true })
  const document = Buffer.from(JSON.stringify({ hash: sha256, _files: ['data.txt'] }).padEnd(400))
  for (const [path, bytes] of [
    [join(target, 'data.txt'), body],
    [join(root, `_meta_${sha256}@1.0.0.yaml`), document],
  ] as const) {
    const temporary = join(root, `.${crypto.randomUUID()}`)
    const file = await open(temporary, 'wx')
    await file.write(bytes)
    await file.datasync()
    await file.close()
    await rename(temporary, path)
  }
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
  rounds: number,
): Promise<Measurement[]> {
  const source = join(folder, `source-${size}`)
  await writeFile(source, 'sparse')
  await truncate(source, sizeBytes)
  const plain = join(folder, `plain-${size}`)
  await using registry = await openRegistry(new LocalMount(join(folder, `large-${size}`)), {})
  const works = {
    plainUp: (round: number) => readHashWrite(source, `${plain}-${round}`),
    up: (round: number) => registry.put(`large-${round}`, fileStream(source)),
    plainDown: (round: number) => readHash(`${plain}-${round}`),
    down: (round: number) => readLent(registry, `large-${round}`),
    own: (round: number) => read(registry, `large-${round}`),
  }
  const ms: Record<string, number[]> = {}
  const take = async (name: keyof typeof works, round: number) => {
    // A virtual machine gives memory that was not used of late four times as slowly: both find it used.
    if (name.toLowerCase().endsWith('up')) await touchMemory(folder, Math.min(sizeBytes, gigabyte))
    await settleDisk()
    ms[name] = [...(ms[name] ?? []), await timed(() => works[name](round))]
  }
  for (let round = 0; round < rounds; round += 1) {
    const turns = [
      async () => {
        await take('plainUp', round)
        await take('plainDown', round)
        await rm(`${plain}-${round}`)
      },
      async () => {
        await take('up', round)
        await take('down', round)
        await take('own', round)
        await registry.delete(`large-${round}`)
      },
    ]
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn()
  }
  const row = (what: string, ours: keyof typeof works, beside: keyof typeof works): Measurement => {
    const [value, baseline] = [ours, beside].map(
      (name) => sizeBytes / percentile(ms[name] ?? [], 0.5) / 1000,
    ) as [number, number]
    return {
      what: rounds === 1 ? what : `${what}, median of ${rounds}`,
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
    row(`put ${size} from a file`, 'up', 'plainUp'),
    row(`read ${size} as the service does, verified`, 'down', 'plainDown'),
    row(`read ${size} in chunks of their own, verified`, 'own', 'plainDown'),
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
  await readLent(registry, 'large')
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

/** Makes memory of the page cache and frees it. */
async function touchMemory(folder: string, sizeBytes: number): Promise<void> {
  const path = join(folder, 'touched')
  const file = await open(path, 'w')
  const chunk = Buffer.alloc(1024 * 1024)
  for (let written = 0; written < sizeBytes; written += chunk.byteLength) await file.write(chunk)
  await file.close()
  await rm(path)
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

/** Into memory that is used again. */
async function readLent(registry: Registry, name: string): Promise<void> {
  const { body } = await registry.open(name)
  for await (const _ of lentChunksOf(body));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
