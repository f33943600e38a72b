import { setTimeout as sleep } from 'node:timers/promises'
import { errorMessage, isMindtraceError } from '@mindtrace/core'
import { FaultyProxy } from '@mindtrace/core/testing'
import { type Database, defineCollection } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { mongoPlace } from '@mindtrace/database/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

const Notes = defineCollection({
  name: 'test_notes',
  schema: z.object({
    note_id: z.string(),
    count: z.number().default(0),
    text: z.string().default(''),
  }),
  key: 'note_id',
})

const servers = [
  ['a replica set', process.env.MINDTRACE_TEST_MONGODB_URL ?? ''],
  ['a standalone', process.env.MINDTRACE_TEST_MONGODB_STANDALONE_URL ?? ''],
] as const

/** Fast to notice what is wrong, so that the tests are. */
const impatient = 'connectTimeoutMS=500&heartbeatFrequencyMS=500'

/** Two openings of one database: `near` reaches it well, `far` through a network that may fail. */
async function nearAndFar(server: string, options = impatient) {
  await using stack = new AsyncDisposableStack()
  const { address } = stack.use(mongoPlace(server))
  const near = stack.use(await openMongoDatabase({ url: address }))
  const { hostname: host, port, pathname } = new URL(address)
  const network = stack.use(await FaultyProxy.start({ host, port: Number(port) }))
  stack.defer(() => network.become({ kind: 'none' }))
  const url = `mongodb://127.0.0.1:${network.port}${pathname}?directConnection=true&${options}`
  const far = stack.use(await openMongoDatabase({ url, selectionTimeoutMs: 500 }))
  for (const one of [near, far]) await one.init([Notes])
  const kept = stack.move()
  return { near, far, network, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** What became of writes, as those who made them were told. */
interface Journal {
  /** Keys of documents that are there. Each list was written as one unit. */
  readonly acknowledged: string[][]
  /** Of those that may be there or not. */
  readonly unknown: string[][]
  /** Additions to the counter: those that were made, and those that may have been. */
  increments: number
  unknownIncrements: number
}

/** Writes by several hands at once until told to stop, and goes on after every failure. */
function startWriting(database: Database) {
  const journal: Journal = {
    acknowledged: [],
    unknown: [],
    increments: 0,
    unknownIncrements: 0,
  }
  let stopped = false
  const notes = database.repository(Notes)
  const told = async (work: () => Promise<unknown>) => {
    try {
      await work()
      return true
    } catch (error) {
      if (!isMindtraceError(error, 'UNAVAILABLE')) throw error
      return false
    }
  }
  const hand = async (name: number) => {
    for (let n = 0; !stopped; n += 1) {
      const keys = [0, 1, 2].map((at) => `note_${name}_${n}_${at}`)
      const documents = keys.map((note_id) => ({ note_id }))
      const done = await told(() =>
        n % 2 === 0 || !database.transactional
          ? notes.insertMany(documents)
          : database.transaction(async (tx) => {
              const inside = tx.repository(Notes)
              for (const document of documents) await inside.insert(document)
            }),
      )
      journal[done ? 'acknowledged' : 'unknown'].push(keys)
      const counted = await told(() => notes.update('counter', { inc: { count: 1 } }))
      journal[counted ? 'increments' : 'unknownIncrements'] += 1
    }
  }
  const hands = Promise.all([1, 2, 3, 4].map(hand))
  return {
    /** Stops once enough was written, however slow the machine is. */
    async finish(): Promise<Journal> {
      const enough = expect.poll(() => journal.acknowledged.length, { timeout: 60_000 })
      try {
        await enough.toBeGreaterThan(10)
      } finally {
        stopped = true
        await hands
      }
      return journal
    },
  }
}

/** Nothing that was acknowledged is lost or done twice, no unit half there, nothing there that nobody wrote. */
async function expectKept(database: Database, journal: Journal): Promise<void> {
  const notes = database.repository(Notes)
  const there = new Set((await notes.find({})).map(({ note_id }) => note_id))
  expect(journal.acknowledged.flat().filter((key) => !there.delete(key))).toEqual([])
  const { count } = await notes.get('counter')
  there.delete('counter')
  for (const keys of journal.unknown) {
    const found = keys.filter((key) => there.delete(key)).length
    if (database.transactional) expect([0, keys.length]).toContain(found)
  }
  expect([...there]).toEqual([])
  expect(count).toBeGreaterThanOrEqual(journal.increments)
  expect(count).toBeLessThanOrEqual(journal.increments + journal.unknownIncrements)
  expect(await database.check()).toEqual([])
}

describe.each(servers)('a bad network before %s', (_, server) => {
  const it = test.skipIf(server === '')

  it('is cut again and again under writers: what they were told is true', async () => {
    await using lake = await nearAndFar(server)
    await lake.near.repository(Notes).insert({ note_id: 'counter' })
    const writing = startWriting(lake.far)
    for (let cuts = 0; cuts < 15; cuts += 1) {
      await sleep(40 + ((cuts * 37) % 60))
      if (cuts % 3 === 0) await lake.network.become({ kind: 'refuse' })
      lake.network.cut()
      await sleep(30)
      await lake.network.become({ kind: 'none' })
    }
    await sleep(300)
    const journal = await writing.finish()
    await expectKept(lake.near, journal)
  }, 120_000)

  it('swallows what is sent for a while: calls fail in time, it heals, what was told is true', async () => {
    await using lake = await nearAndFar(server)
    await lake.near.repository(Notes).insert({ note_id: 'counter' })
    const writing = startWriting(lake.far)
    for (const _ of [1, 2]) {
      await sleep(200)
      await lake.network.become({ kind: 'black hole' })
      await sleep(3000)
      await lake.network.become({ kind: 'none' })
    }
    await expect.poll(() => lake.far.ping().then(() => 'well', errorMessage)).toBe('well')
    await sleep(300)
    const journal = await writing.finish()
    expect(journal.unknown.length + journal.unknownIncrements).toBeGreaterThan(0)
    await expectKept(lake.near, journal)
  }, 120_000)

  it('answers cut short break no call that is told of as done', async () => {
    await using lake = await nearAndFar(server)
    const notes = lake.near.repository(Notes)
    await notes.insertMany(Array.from({ length: 3000 }, (_, n) => ({ note_id: `n${n}` })))
    const far = lake.far.repository(Notes)
    await lake.network.become({ kind: 'truncate', afterBytes: 20_000, times: 3 })
    const found = await far.find({}).catch((error: unknown) => error)
    if (Array.isArray(found)) expect(found).toHaveLength(3000)
    else expect(found).toMatchObject({ code: 'UNAVAILABLE' })
    await lake.network.become({ kind: 'none' })
    await expect.poll(() => far.count().catch(errorMessage)).toBe(3000)
  })

  it('a call under way and one that begins fail within the times of the address', async () => {
    await using lake = await nearAndFar(server)
    const notes = lake.far.repository(Notes)
    await notes.insert({ note_id: 'before' })
    await lake.network.become({ kind: 'black hole' })
    const started = performance.now()
    const text = 'x'.repeat(10_000)
    const much = Array.from({ length: 1000 }, (_, n) => ({ note_id: `much ${n}`, text }))
    const calls = [
      notes.insertMany(much),
      notes.get('before'),
      notes.insert({ note_id: 'lost' }),
      lake.far.transaction((tx) => tx.repository(Notes).insert({ note_id: 'lost too' })),
      lake.far.ping(),
    ]
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })
    }
    // Noticed by the monitor (its beat and its timeout, twice at most), then nothing found in time.
    expect(performance.now() - started).toBeLessThan(4000)
    await expect(notes.count()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await lake.network.become({ kind: 'none' })
    await expect.poll(() => notes.get('before').catch(errorMessage)).toMatchObject({ count: 0 })
  })

  it('a slow network is no broken one', async () => {
    await using lake = await nearAndFar(server)
    await lake.network.become({ kind: 'throttle', bytesPerSecond: 60_000 })
    const notes = lake.far.repository(Notes)
    await notes.insertMany(Array.from({ length: 500 }, (_, n) => ({ note_id: `n${n}` })))
    expect(await notes.find({})).toHaveLength(500)
  })
})
