import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { IngestItem, Lake } from '@mindtrace/contract'
import { MindtraceError, streamOf } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { type Failure, failingDatabase } from '@mindtrace/database/testing'
import { type Mount, openRegistry } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { MemoryMount } from '@mindtrace/registry/memory'
import { chaosMount, type PlannedFailure } from '@mindtrace/registry/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aSample, beginIngest, commitIngest } from '../testing/builders.ts'
import { codeOf } from '../testing/lake-under-test.ts'
import { openLakeOver } from '../testing/local-lakes.ts'
import { announcedPayloads, condemnedPayloads } from './gc-collections.ts'

const lost = new MindtraceError('UNAVAILABLE', 'the line is cut')
const monthMs = 30 * 24 * 3600 * 1000
const later = { now: () => new Date(Date.now() + monthMs).toISOString() }

const streamed = ({ sample, payloads }: IngestItem): IngestItem => ({
  sample,
  payloads: { image: () => streamOf(payloads.image as Uint8Array) },
})

/** A lake of two processes: one that fails as told, and one that goes on with what is left. */
async function openPair(mounts: { main: Mount; other: Mount }, planned: PlannedFailure[]) {
  const database: Database = await openSqliteDatabase({ path: ':memory:' })
  let calls = 0
  let failing: { readonly number: number; readonly failure: Failure } | undefined
  const faulty = failingDatabase(database, ({ method }) => {
    if (method === 'close' || method === 'init') return undefined
    calls += 1
    // A process that is killed does nothing more.
    return failing !== undefined && calls >= failing.number ? failing.failure : undefined
  })
  const crashing = await openLakeOver(
    { database: faulty, mounts: { ...mounts, main: chaosMount(mounts.main, planned) } },
    { clock: later },
  )
  const healthy = await openLakeOver({ database, mounts }, { clock: later })
  return {
    crashing,
    healthy,
    failFrom: (number: number, failure: Failure) => {
      calls = 0
      failing = { number, failure }
    },
    [Symbol.asyncDispose]: () => healthy[Symbol.asyncDispose](),
  }
}

async function ingest(lake: Lake, version: string, items: readonly IngestItem[]): Promise<void> {
  const session_id = await beginIngest(lake, { version })
  for (let from = 0; from < items.length; from += 2) {
    const { samples } = await lake.streams.ingestGroup(session_id, items.slice(from, from + 2))
    expect(samples.filter(({ status }) => status === 'failed')).toEqual([])
  }
  await commitIngest(lake, session_id, items)
}

/** What is in the mount beyond what assets name. */
async function unreferredIn(lake: Lake): Promise<number> {
  return (await lake.lake.gc({ dry_run: true })).mounts.reduce(
    (sum, { objects }) => sum + objects.count,
    0,
  )
}

const items = [0, 1, 2, 3, 4, 5].map((ordinal) =>
  ordinal % 3 === 2 ? streamed(aSample(ordinal)) : aSample(ordinal),
)

describe('after an ingest that died at any point, with another one running,', () => {
  const crash = fc.record({
    databaseCall: fc.integer({ min: 1, max: 60 }),
    isDone: fc.boolean(),
    mountOperation: fc.constantFrom('publish', 'stage', 'write', 'lock', 'read'),
    // Opening looks into the mount as well.
    mountCalls: fc.integer({ min: 3, max: 24 }),
    inFolder: fc.boolean(),
  })

  test('a collection removes what is left and nothing that is referred to', async () => {
    let removed = 0
    await fc.assert(
      fc.asyncProperty(crash, async (point) => {
        await using folder = await temporaryFolder()
        const main = point.inFolder ? new LocalMount(join(folder.path, 'main')) : new MemoryMount()
        const { mountOperation: operation, mountCalls: afterCalls } = point
        const planned = [{ operation, afterCalls, error: lost } as PlannedFailure]
        await using pair = await openPair({ main, other: new MemoryMount() }, planned)
        const { crashing, healthy } = pair
        pair.failFrom(point.databaseCall, point.isDone ? { after: lost } : { before: lost })
        let isOver = false
        const collecting = (async () => {
          while (!isOver) {
            removed += (await healthy.lake.gc({})).count
            await setTimeout(1)
          }
        })()
        try {
          await Promise.all([
            ingest(crashing, '1', items).catch(() => {}),
            ingest(healthy, '2', items),
          ])
        } finally {
          isOver = true
          await collecting
        }
        removed += (await healthy.lake.gc({})).count
        expect(await healthy.lake.verify({ read_data: true })).toMatchObject({ ok: true })
        // What the dead have announced waits for them a day; the import goes on where it was.
        expect(await unreferredIn(healthy)).toBeLessThanOrEqual(items.length)
        await ingest(healthy, '1', items)
        removed += (await healthy.lake.gc({})).count
        expect(await healthy.lake.verify({ read_data: true })).toMatchObject({ ok: true })
        const { dataset_version } = await healthy.datasetVersions.get({
          dataset_name: 'pets',
          version: '1',
        })
        expect(dataset_version.manifest).toHaveLength(items.length)
      }),
      { numRuns: 60 },
    )
    expect(removed).toBeGreaterThan(0)
  }, 120_000)
})

describe('between what a writer finds stored and the records that it writes', () => {
  /** A lake with one old orphan, and a second one over the same parts, in which `before` comes before each transaction. */
  async function openOrphaned(before: (lake: Lake) => Promise<unknown>, clock = later) {
    const database: Database = await openSqliteDatabase({ path: ':memory:' })
    const mounts = { main: new MemoryMount(), other: new MemoryMount() }
    const collecting = await openLakeOver({ database, mounts }, { clock })
    const session_id = await beginIngest(collecting)
    await collecting.streams.ingestGroup(session_id, [aSample(0)])
    const { assets } = await collecting.assets.list({})
    await collecting.ingest.abandon({ session_id })
    const wrapped = new Proxy(database, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        if (key !== 'transaction') return value.bind(target)
        return async (...input: unknown[]) => {
          await before(collecting)
          return await value.apply(target, input)
        }
      },
    })
    const writing = await openLakeOver({ database: wrapped, mounts }, { clock: later })
    const name = assets[0]?.storage_ref.name as string
    return {
      database,
      mounts,
      writing,
      name,
      [Symbol.asyncDispose]: () => collecting[Symbol.asyncDispose](),
    }
  }

  test('a collection leaves it', async () => {
    let removed = 0
    await using orphaned = await openOrphaned(async (lake) => {
      removed += (await lake.lake.gc({})).count
    })
    const { writing } = orphaned
    const session_id = await beginIngest(writing)
    // The first transaction has collected the orphan: make another one.
    expect(removed).toBe(1)
    await writing.streams.ingestGroup(session_id, [aSample(0)])
    await writing.ingest.abandon({ session_id })
    const again = await beginIngest(writing, { version: '2' })
    const before = removed
    const { samples } = await writing.streams.ingestGroup(again, [aSample(0)])
    expect(samples).toMatchObject([{ status: 'created' }])
    expect(removed).toBe(before)
    expect(await writing.lake.verify({ read_data: true })).toMatchObject({ ok: true })
  })

  test('a collection of another day takes it, and the writer is told to come again', async () => {
    const year = { now: () => new Date(Date.now() + 12 * monthMs).toISOString() }
    let collect = false
    await using orphaned = await openOrphaned(async (lake) => {
      if (collect) expect(await lake.lake.gc({})).toMatchObject({ count: 1 })
      collect = false
    }, year)
    const { writing } = orphaned
    const session_id = await beginIngest(writing)
    collect = true
    const group = () => writing.streams.ingestGroup(session_id, [aSample(0)])
    expect(await codeOf(group)).toBe('UNAVAILABLE')
    expect((await group()).samples).toMatchObject([{ status: 'created' }])
    expect(await writing.lake.verify({ read_data: true })).toMatchObject({ ok: true })
  })

  test('a writer waits for a collection that is removing it, and stores it again', async () => {
    await using orphaned = await openOrphaned(async () => {})
    const { writing, database, mounts, name } = orphaned
    const condemned = database.repository(condemnedPayloads)
    const created_at = later.now()
    await condemned.insert({ object_key: `main/${name}`, run_id: 'other', created_at })
    const session_id = await beginIngest(writing)
    const group = writing.streams.ingestGroup(session_id, [aSample(0)])
    const isWaiting = async () =>
      (await database.repository(announcedPayloads).count({})) === 1 &&
      (await Promise.race([group.then(() => false), setTimeout(100, true)]))
    await expect.poll(isWaiting).toBe(true)
    await (await openRegistry(mounts.main)).delete(name)
    await condemned.deleteMany({})
    expect((await group).samples).toMatchObject([{ status: 'created' }])
    expect(await writing.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    expect(await database.repository(announcedPayloads).count({})).toBe(0)
  })

  test('what a dead collection has condemned is let go by the next one', async () => {
    await using orphaned = await openOrphaned(async () => {})
    const { writing, database, name } = orphaned
    const condemned = database.repository(condemnedPayloads)
    const created_at = new Date(Date.now()).toISOString()
    await condemned.insert({ object_key: `main/${name}`, run_id: 'dead', created_at })
    expect(await writing.lake.gc({})).toMatchObject({ count: 1 })
    expect(await condemned.count({})).toBe(0)
  })
})
