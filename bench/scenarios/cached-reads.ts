import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mapBounded } from '@mindtrace/core'
import { openRegistry, PayloadCache, type Registry } from '@mindtrace/registry'
import { S3Mount } from '@mindtrace/registry/s3'
import type { Measurement } from '../scenario.ts'

const objectBytes = 50_000
const parallel = 16
const rounds = 3
const baseline = 'no cache'

/** Reads of objects in a store through a cache on this machine, beside reads without one. */
export async function cachedReads(
  place: { readonly endpoint: string; readonly bucket: string },
  { count, largeBytes }: { readonly count: number; readonly largeBytes: number },
): Promise<Measurement[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mindtrace-bench-'))
  try {
    const mountOf = () => new S3Mount({ ...place, prefix: 'cached' })
    await using bare = await openRegistry(mountOf(), { mutable: true })
    const names = Array.from({ length: count }, (_, index) => `n-${index}`)
    for (let from = 0; from < count; from += 64) {
      const group = names.slice(from, from + 64)
      await bare.putMany(group.map((name) => ({ name, body: Buffer.alloc(objectBytes, name) })))
    }
    await bare.put('large', Buffer.alloc(largeBytes, 'large'))
    const small = { bare: [] as number[], first: [] as number[], again: [] as number[] }
    const large = { bare: [] as number[], first: [] as number[], again: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const cache = new PayloadCache({ folder: join(folder, String(round)) })
      await using cached = await openRegistry(mountOf(), { cache })
      const all = async (registry: Registry) => {
        const start = performance.now()
        await mapBounded(names, parallel, (name) => readWhole(registry, name, objectBytes))
        return (count * 1000) / (performance.now() - start)
      }
      const one = async (registry: Registry) => {
        const start = performance.now()
        await readWhole(registry, 'large', largeBytes)
        return largeBytes / (performance.now() - start) / 1000
      }
      small.bare.push(await all(bare))
      small.first.push(await all(cached))
      small.again.push(await all(cached))
      large.bare.push(await one(bare))
      large.first.push(await one(cached))
      large.again.push(await one(cached))
      await cache.settled()
      const { payloads } = await cache.usage()
      if (payloads !== count + 1) throw new Error(`${payloads} payloads are kept`)
    }
    const row = (
      what: string,
      unit: string,
      value: readonly number[],
      beside: readonly number[],
    ) => ({
      what,
      unit,
      value: median(value),
      baseline: { name: baseline, value: median(beside) },
    })
    return [
      row(
        'read objects of 50 KB the first time, keeping them',
        'objects/s',
        small.first,
        small.bare,
      ),
      row('read objects of 50 KB again', 'objects/s', small.again, small.bare),
      row('read one large object the first time, keeping it', 'MB/s', large.first, large.bare),
      row('read one large object again', 'MB/s', large.again, large.bare),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readWhole(registry: Registry, name: string, sizeBytes: number): Promise<void> {
  const { body } = await registry.open(name)
  let seen = 0
  for await (const chunk of body) seen += chunk.byteLength
  if (seen !== sizeBytes) throw new Error(`${name} has ${seen} bytes`)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
