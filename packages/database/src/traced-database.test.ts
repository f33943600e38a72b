import type { Tracer } from '@mindtrace/core'
import { recordingTracer } from '@mindtrace/core/testing'
import { expect, test } from 'vitest'
import type { Database } from './database.ts'
import { openSqliteDatabase } from './drivers/sqlite/index.ts'
import { describeDatabase } from './testing/describe-database.ts'
import { aPhoto, Photos, photoId } from './testing/photo.ts'
import { tracedDatabase } from './traced-database.ts'

async function openTraced(tracer: Tracer): Promise<Database> {
  return tracedDatabase(await openSqliteDatabase({ path: ':memory:' }), tracer, 'sqlite')
}

describeDatabase('sqlite in memory, traced', {
  place: async () => ({ address: ':memory:', async [Symbol.asyncDispose]() {} }),
  open: () => openTraced(recordingTracer().tracer),
  otherProcesses: undefined,
})

test('every call has a span with operation and collection, and no value', async () => {
  const { spans, tracer } = recordingTracer()
  await using database = await openTraced(tracer)
  await database.init([Photos])
  const photos = database.repository(Photos)
  await photos.insert(aPhoto(1))
  await expect(photos.insert(aPhoto(1))).rejects.toMatchObject({ code: 'DUPLICATE' })
  await database.transaction(async (tx) => {
    await tx.repository(Photos).delete(photoId(1))
  })
  for await (const _ of photos.stream({})) expect.unreachable()
  expect(spans.map(({ name, error }) => [name, error === undefined])).toEqual([
    ['insert test_photos', true],
    ['insert test_photos', false],
    ['transaction', true],
    ['delete test_photos', true],
    ['stream test_photos', true],
  ])
  expect(spans.every(({ ended }) => ended)).toBe(true)
  expect(spans[0]?.attributes).toEqual({
    'db.system.name': 'sqlite',
    'db.collection.name': 'test_photos',
    'db.operation.name': 'insert',
  })
  expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain(photoId(1))
})

test('where nobody records, calls go on as before', async () => {
  await using database = await openTraced({ start: () => undefined })
  await database.init([Photos])
  await database.repository(Photos).insert(aPhoto(1))
  expect(await database.repository(Photos).count()).toBe(1)
})
