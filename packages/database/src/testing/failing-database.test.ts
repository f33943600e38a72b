import { expect, test } from 'vitest'
import { openSqliteDatabase } from '../drivers/sqlite/index.ts'
import { type Failure, failingDatabase } from './failing-database.ts'
import { aPhoto, Photos } from './photo.ts'

async function openFailing(method: string, failure: Failure) {
  const real = await openSqliteDatabase({ path: ':memory:' })
  const calls: string[] = []
  const database = failingDatabase(real, (call) => {
    calls.push(`${call.collection ?? 'database'}.${call.method}`)
    return call.method === method ? failure : undefined
  })
  await database.init([Photos])
  return { database, real, calls }
}

const broken = new Error('broken')

test('fails before the call has done anything, or after it has done all', async () => {
  for (const [failure, written] of [
    [{ before: broken }, 0],
    [{ after: broken }, 1],
  ] as const) {
    const { database, calls } = await openFailing('insert', failure)
    await expect(database.repository(Photos).insert(aPhoto(1))).rejects.toBe(broken)
    expect(await database.repository(Photos).count()).toBe(written)
    expect(calls).toEqual(['database.init', 'test_photos.insert', 'test_photos.count'])
    await database.close()
  }
})

test('reaches into transactions and streams', async () => {
  const { database, real } = await openFailing('insertMany', { after: broken })
  const work = database.transaction(async (tx) => {
    await tx.repository(Photos).insertMany([aPhoto(1)])
  })
  await expect(work).rejects.toBe(broken)
  expect(await real.repository(Photos).count()).toBe(0)
  expect(database.transactional).toBe(true)
  await database[Symbol.asyncDispose]()

  const streaming = await openFailing('stream', { before: broken })
  const read = async () => {
    for await (const _ of streaming.database.repository(Photos).stream({})) {
    }
  }
  await expect(read()).rejects.toBe(broken)
  await streaming.database.close()
})
