import { setTimeout as sleep } from 'node:timers/promises'
import { isMindtraceError } from '@mindtrace/core'
import { type Database, defineCollection } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { mongoPlace } from '@mindtrace/database/testing'
import mongoose from 'mongoose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { MongodProcess } from '../servers/mongod-process.ts'

const program = process.env.MINDTRACE_TEST_MONGOD ?? ''

const Notes = defineCollection({
  name: 'test_notes',
  schema: z.object({ note_id: z.string(), text: z.string().default('') }),
  key: 'note_id',
  indexes: [{ on: ['text'] }],
})

async function opened(mongod: MongodProcess) {
  const { address } = mongoPlace(mongod.url)
  const database = await openMongoDatabase({ url: address, selectionTimeoutMs: 4000 })
  await database.init([Notes])
  return { address, database, notes: database.repository(Notes) }
}

function aNote(number: number, text = ''): { note_id: string; text: string } {
  return { note_id: `note_${String(number).padStart(6, '0')}`, text }
}

/** Inserts one note after the other until told to finish, over every failure. */
function startInserting(database: Database) {
  const notes = database.repository(Notes)
  const acknowledged = new Set<string>()
  let stopped = false
  const insert = async () => {
    for (let number = 0; !stopped; number += 1) {
      try {
        acknowledged.add((await notes.insert(aNote(number))).note_id)
      } catch (error) {
        if (!isMindtraceError(error, 'UNAVAILABLE') && !isMindtraceError(error, 'DUPLICATE'))
          throw error
      }
    }
  }
  const inserting = insert()
  const hasWritten = (count: number) =>
    expect.poll(() => acknowledged.size, { timeout: 60_000 }).toBeGreaterThan(count)
  return {
    hasWritten,
    /** The keys that were acknowledged, some of them after this was asked for. */
    async finish(): Promise<ReadonlySet<string>> {
      try {
        await hasWritten(acknowledged.size)
      } finally {
        stopped = true
        await inserting
      }
      return acknowledged
    },
  }
}

describe.skipIf(program === '')('MongoDB with MINDTRACE_TEST_MONGOD', () => {
  test('killed in a transaction: it is made whole after the restart, or not at all', async () => {
    await using mongod = await MongodProcess.start({ program, replicaSet: 'faults' })
    const lake = await opened(mongod)
    await using database = lake.database
    await lake.notes.insert(aNote(0))
    let attempts = 0
    const outcome = await database
      .transaction(async (tx) => {
        attempts += 1
        const notes = tx.repository(Notes)
        await notes.insertMany([aNote(1), aNote(2)])
        if (attempts === 1) {
          await mongod.kill()
          await mongod.restart()
        }
        await notes.update(aNote(0).note_id, { set: { text: 'changed' } })
        return 'done'
      })
      .catch((error: unknown) => error)
    const left = await lake.notes.find({}, { sort: ['note_id'] })
    if (outcome === 'done') {
      expect(attempts).toBeGreaterThan(1)
      expect(left.map(({ text }) => text)).toEqual(['changed', '', ''])
    } else {
      expect(outcome).toMatchObject({ code: 'UNAVAILABLE' })
      expect(left.map(({ text }) => text)).toEqual([''])
    }
    await lake.notes.insert(aNote(9))
  })

  test('killed while documents come in bulk: what was acknowledged is there, a repetition adds the rest', async () => {
    await using mongod = await MongodProcess.start({ program, replicaSet: 'faults' })
    const lake = await opened(mongod)
    await using database = lake.database
    const groups = Array.from({ length: 12 }, (_, group) =>
      Array.from({ length: 1000 }, (_, at) => aNote(group * 1000 + at, 'x'.repeat(500))),
    )
    const acknowledged: string[] = []
    const killing = sleep(60).then(() => mongod.kill())
    for (const group of groups) {
      try {
        const { inserted } = await lake.notes.insertMany(group)
        acknowledged.push(...inserted.map(({ note_id }) => note_id))
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE' })
        break
      }
    }
    await killing
    await mongod.restart()
    const kept = await lake.notes.getMany(acknowledged)
    expect(kept.size).toBe(acknowledged.length)
    const again = await lake.notes.insertMany(groups.flat())
    expect(again.inserted.length + again.duplicates.length).toBe(12_000)
    expect(again.duplicates.length).toBeGreaterThanOrEqual(acknowledged.length)
    expect(await lake.notes.count()).toBe(12_000)
    expect(await database.check()).toEqual([])
  })

  test('whose primary steps down: writes go on, and what was acknowledged is there', async () => {
    await using mongod = await MongodProcess.start({ program, replicaSet: 'faults' })
    const lake = await opened(mongod)
    await using database = lake.database
    const writing = startInserting(database)
    await writing.hasWritten(10)
    const admin = await mongoose.createConnection(mongod.url).asPromise()
    const stepDown = { replSetStepDown: 2, force: true }
    await admin.getClient().db('admin').command(stepDown)
    await admin.close()
    while (
      !(await database
        .ping()
        .then(() => true)
        .catch(() => false))
    )
      await sleep(20)
    await sleep(3000)
    const acknowledged = await writing.finish()
    expect((await lake.notes.getMany([...acknowledged])).size).toBe(acknowledged.size)
  })

  test('restarted under a stream: it goes on where it was, each document once', async () => {
    await using mongod = await MongodProcess.start({ program, replicaSet: 'faults' })
    const lake = await opened(mongod)
    await using database = lake.database
    const all = Array.from({ length: 3000 }, (_, number) => aNote(number))
    await lake.notes.insertMany(all)
    for (const sort of [undefined, ['-note_id']]) {
      const seen: string[] = []
      for await (const { note_id } of lake.notes.stream({}, { batchSize: 200, sort })) {
        seen.push(note_id)
        if (seen.length !== 500) continue
        await mongod.kill('SIGTERM')
        await mongod.restart()
      }
      const expected = all.map(({ note_id }) => note_id)
      expect(seen).toEqual(sort === undefined ? expected : expected.toReversed())
    }
    expect(database.transactional).toBe(true)
  })

  test('killed without a replica set: what was acknowledged is there', async () => {
    await using mongod = await MongodProcess.start({ program })
    const lake = await opened(mongod)
    await using database = lake.database
    const writing = startInserting(database)
    await writing.hasWritten(10)
    await mongod.kill()
    await mongod.restart()
    const acknowledged = await writing.finish()
    expect((await lake.notes.getMany([...acknowledged])).size).toBe(acknowledged.size)
  })

  test('gone for good: calls fail within the time that they may look for a server, without secrets', async () => {
    await using mongod = await MongodProcess.start({ program, replicaSet: 'faults' })
    const { address } = await opened(mongod)
    await using database = await openMongoDatabase({ url: address, selectionTimeoutMs: 500 })
    await database.init([Notes])
    await mongod.kill()
    const started = performance.now()
    const calls = [
      () => database.ping(),
      () => database.repository(Notes).get('x'),
      () => database.repository(Notes).insert(aNote(1)),
      () => database.transaction((tx) => tx.repository(Notes).insert(aNote(2))),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(performance.now() - started).toBeLessThan(8000)
    const url = address.replace('mongodb://', 'mongodb://someone:hunter2@')
    const refused = await openMongoDatabase({ url, selectionTimeoutMs: 200 }).catch(
      (error: unknown) => error,
    )
    expect(refused).toMatchObject({ code: 'UNAVAILABLE' })
    for (let at = refused; at instanceof Error; at = at.cause) {
      expect(`${at.stack} ${JSON.stringify(at)}`).not.toContain('hunter2')
    }
  })
})
