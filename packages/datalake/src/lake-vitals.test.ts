import { join } from 'node:path'
import { MindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { failingDatabase } from '@mindtrace/database/testing'
import { type Mount, openRegistry, Store } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { chaosMount } from '@mindtrace/registry/testing'
import { expect, test } from 'vitest'
import { openLake } from './address/open-lake.ts'
import { type LocalLake, openLocalLake } from './lake.ts'

async function lakeOver(main: Mount, isDown = () => false): Promise<LocalLake> {
  const database = failingDatabase(await openSqliteDatabase({ path: ':memory:' }), ({ method }) =>
    method === 'ping' && isDown()
      ? { before: new MindtraceError('UNAVAILABLE', 'no answer from user:hunter2@host') }
      : undefined,
  )
  const store = new Store({
    main: await openRegistry(main),
    other: await openRegistry(new MemoryMount()),
  })
  return await openLocalLake({ database, store, settings: { databaseName: 'test' } })
}

test('asks every part, and tells which do not answer, by code', async () => {
  let isDown = false
  const failure = new MindtraceError('FORBIDDEN', 'the store refuses hunter2')
  const main = chaosMount(new MemoryMount(), [{ operation: 'ping', afterCalls: 1, error: failure }])
  await using lake = await lakeOver(main, () => isDown)
  expect(await lake.vitals.check()).toEqual([
    { part: 'database', ok: true },
    { part: 'mount main', ok: true },
    { part: 'mount other', ok: true },
  ])
  isDown = true
  const states = await lake.vitals.check()
  expect(states).toEqual([
    { part: 'database', ok: false, code: 'UNAVAILABLE' },
    { part: 'mount main', ok: false, code: 'FORBIDDEN' },
    { part: 'mount other', ok: true },
  ])
})

test('a mount that hangs fails when the time is over, and the others do not', async () => {
  const hanging = new Proxy(new MemoryMount(), {
    get(target, property) {
      if (property === 'ping') return () => new Promise(() => {})
      const member: unknown = Reflect.get(target, property, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  await using lake = await lakeOver(hanging)
  for (const signal of [AbortSignal.timeout(20), AbortSignal.abort()]) {
    const states = await lake.vitals.check({ signal })
    expect(states.find(({ part }) => part === 'mount main')).toEqual({
      part: 'mount main',
      ok: false,
      code: 'TIMEOUT',
    })
  }
})

test('an opened lake counts the bytes of its mounts, and knows what is queued', async () => {
  await using folder = await temporaryFolder()
  await using lake = await openLake(folder.path, {
    mounts: { main: `file:${join(folder.path, 'main')}`, other: 'memory:' },
  })
  expect(lake.vitals.load().mounts.other).toEqual({ readBytes: 0, writtenBytes: 0 })
  await lake.streams.writeObject({ mount: 'main', name: 'a' }, new Uint8Array(10_000))
  const { main, other } = lake.vitals.load().mounts
  expect(main?.writtenBytes).toBeGreaterThanOrEqual(10_000)
  expect(other).toEqual({ readBytes: 0, writtenBytes: 0 })
  expect(await lake.vitals.queues()).toEqual({ uploads: 0 })
  await lake.objects.uploadSession.create({ name: 'later', mount: 'main' })
  expect(await lake.vitals.queues()).toEqual({ uploads: 1 })
})

test.each(['allow', 'warn', 'forbid'] as const)(
  'lake.json says what lists that read everything may do: %s',
  async (slow_operations) => {
    const { writeFile } = await import('node:fs/promises')
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'lake.json')
    const config = { database: 'sqlite::memory:', mounts: { main: 'memory:' }, slow_operations }
    await writeFile(path, JSON.stringify(config))
    const warnings: string[] = []
    const quiet = () => {}
    const warn = (_fields: object, message: string) => void warnings.push(message)
    const log = { debug: quiet, info: quiet, warn, error: quiet }
    await using lake = await openLake(path, { log })
    const listed = lake.assets.list({})
    if (slow_operations === 'forbid') {
      await expect(listed).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining('forbids eager list endpoints: list_assets()'),
      })
    } else expect((await listed).assets).toEqual([])
    expect(warnings.length).toBe(slow_operations === 'warn' ? 1 : 0)
    // What a program says goes before the file.
    await using other = await openLake(path, { settings: { slowOperations: 'allow' } })
    expect((await other.assets.list({})).assets).toEqual([])
  },
)
