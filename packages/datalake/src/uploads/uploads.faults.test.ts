import { join } from 'node:path'
import type { Lake } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { failingDatabase } from '@mindtrace/database/testing'
import type { Mount } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { MemoryMount } from '@mindtrace/registry/memory'
import { describe, expect, test } from 'vitest'
import {
  begin,
  bring,
  complete,
  type MovableClock,
  movableClock,
  textOf,
  ticketOf,
} from '../testing/contract/uploads.ts'
import { openLakeOver } from '../testing/local-lakes.ts'
import { uploadSessions, uploadStates } from './upload-collections.ts'

const lost = new MindtraceError('UNAVAILABLE', 'the line is cut')

/** When a call fails: itself only, or all from then on, as when the process is killed. */
type Plan = { readonly at: number; readonly kind: 'before' | 'after' | 'killed' }

/** A lake in a folder, opened again and again as by other processes, the calls of each of which can fail. */
interface Site extends AsyncDisposable {
  readonly clock: MovableClock
  /** Opens the lake; with a plan its calls of database and mount are counted from now on. */
  readonly open: (plan?: Plan) => Promise<Lake & { readonly calls: () => number; start(): void }>
  readonly database: Database
  readonly mount: Mount
}

async function aSite(): Promise<Site> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const database = stack.use(await openSqliteDatabase({ path: join(folder.path, 'lake.db') }))
  const mount = new LocalMount(join(folder.path, 'main'))
  const clock = movableClock()
  const kept = stack.move()
  return {
    clock,
    database,
    mount,
    open: async (plan) => {
      let calls = 0
      let counting = false
      const failure = (method: string) => {
        if (!counting || method === 'close' || method === 'init') return undefined
        calls += 1
        if (plan === undefined) return undefined
        if (plan.kind === 'killed') return calls >= plan.at ? { before: lost } : undefined
        if (calls !== plan.at) return undefined
        return plan.kind === 'before' ? { before: lost } : { after: lost }
      }
      const faulty = failingDatabase(database, ({ method }) => failure(method))
      const lake = await openLakeOver(
        {
          database: staysOpen(faulty),
          mounts: { main: failingMount(mount, failure), other: new MemoryMount() },
        },
        { clock },
      )
      return {
        ...lake,
        calls: () => calls,
        start: () => {
          counting = true
        },
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A lake closes its database, and that of a site is opened once. */
function staysOpen(database: Database): Database {
  return new Proxy(database, {
    get: (target, property) =>
      property === 'close' ? async () => {} : Reflect.get(target, property),
  })
}

function failingMount(
  mount: Mount,
  failureOf: (
    method: string,
  ) => { readonly before: unknown } | { readonly after: unknown } | undefined,
): Mount {
  return new Proxy(mount, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      if (typeof property === 'symbol' || property.startsWith('list')) return member.bind(target)
      return async (...args: unknown[]) => {
        const failure = failureOf(property)
        if (failure !== undefined && 'before' in failure) throw failure.before
        const result: unknown = await member.apply(target, args)
        // A lock is held by what it gives: its answer can't be lost while its holder lives.
        if (failure !== undefined && 'after' in failure && property !== 'lock') throw failure.after
        return result
      }
    },
  })
}

/** Asks again, as a client does that was told to. */
async function inTheEnd<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (attempt === 4) throw error
    }
  }
}

async function upload(lake: Lake) {
  const session = await inTheEnd(() => begin(lake, { expires_in_minutes: 60 }))
  await bring(session, 'hello')
  return session
}

/** Every session has ended well, there is one object, and in the end nothing is left of the uploads. */
async function expectOneObject(site: Site, lake: Lake, what: string): Promise<void> {
  const storage_ref = { mount: 'main', name: 'clip', version: null }
  expect(Object.keys((await lake.objects.head({ storage_ref })).metadata), what).toHaveLength(1)
  expect(await textOf(lake), what).toBe('hello')
  await expectNothingLeft(site, lake, what)
}

async function expectNothingLeft(site: Site, lake: Lake, what: string): Promise<void> {
  for (let day = 0; day < 3; day += 1) {
    site.clock.goOn(25 * 60)
    expect(await lake.uploads.reconcile({}), what).toMatchObject({ failed: 0 })
  }
  expect(await site.database.repository(uploadStates).find({}), what).toEqual([])
  const pending = await site.database.repository(uploadSessions).count({ status: 'pending' })
  expect(pending, what).toBe(0)
  for await (const { key } of site.mount.list('_direct_uploads/')) expect(key, what).toBe('none')
}

async function callsOf(work: (lake: Lake) => Promise<unknown>): Promise<number> {
  await using site = await aSite()
  await using lake = await site.open()
  lake.start()
  await work(lake)
  return lake.calls()
}

describe('an upload ends in one object', () => {
  const whole = async (lake: Lake) => {
    const session = await upload(lake)
    return await inTheEnd(() => complete(lake, session))
  }

  test.each(['before', 'after'] as const)(
    'when any call fails once, %s it is done',
    async (kind) => {
      const calls = await callsOf(whole)
      expect(calls).toBeGreaterThan(15)
      for (let at = 1; at <= calls; at += 1) {
        await using site = await aSite()
        await using lake = await site.open({ at, kind })
        lake.start()
        expect((await whole(lake)).status, `call ${at}`).toBe('completed')
        await expectOneObject(site, lake, `call ${at}`)
      }
    },
  )

  test('when the process that completes it is killed at any call, and another goes on', async () => {
    const calls = await callsOf(whole)
    for (let at = 1; at <= calls; at += 1) {
      await using site = await aSite()
      await using first = await site.open()
      const session = await upload(first)
      await using killed = await site.open({ at, kind: 'killed' })
      killed.start()
      await complete(killed, session).catch(() => {})
      await using second = await site.open()
      site.clock.goOn(2)
      const completed = await complete(second, session)
      expect(completed, `call ${at}`).toMatchObject({
        status: 'completed',
        resolved_version: '1.0.0',
      })
      await expectOneObject(site, second, `call ${at}`)
    }
  })

  test('without its client too, once it has been confirmed', async () => {
    const calls = await callsOf(whole)
    let finished = 0
    for (let at = 1; at <= calls; at += 1) {
      await using site = await aSite()
      await using first = await site.open()
      const session = await upload(first)
      await using killed = await site.open({ at, kind: 'killed' })
      killed.start()
      await complete(killed, session).catch(() => {})
      await using second = await site.open()
      site.clock.goOn(5)
      const { completed } = await second.uploads.reconcile({})
      finished += completed
      const { session: seen } = await second.uploads.get(ticketOf(session))
      // Before the decision was written down nobody can know of it.
      expect(['pending', 'completed'], `call ${at}`).toContain(seen.status)
      if (seen.status === 'completed') await expectOneObject(site, second, `call ${at}`)
      else await expectNothingLeft(site, second, `call ${at}`)
    }
    expect(finished).toBeGreaterThan(5)
  })
})

test('what nobody completed is gone in the end, whatever fails on the way', async () => {
  const work = async (lake: Lake, site: Site) => {
    await upload(lake)
    site.clock.goOn(61)
    for (let round = 0; round < 3; round += 1) {
      await lake.uploads.reconcile({}).catch(() => {})
      site.clock.goOn(10)
    }
  }
  await using counted = await aSite()
  await using whole = await counted.open()
  whole.start()
  await work(whole, counted)
  for (const kind of ['before', 'after'] as const) {
    for (let at = 1; at <= whole.calls(); at += 1) {
      await using site = await aSite()
      await using lake = await site.open({ at, kind })
      lake.start()
      await work(lake, site)
      await expectNothingLeft(site, lake, `call ${at} ${kind}`)
      const storage_ref = { mount: 'main', name: 'clip', version: null }
      expect((await lake.objects.head({ storage_ref })).metadata).toEqual({})
    }
  }
})

test('many processes share what is due, and each session is dealt with once', async () => {
  await using site = await aSite()
  await using first = await site.open()
  for (let number = 0; number < 50; number += 1) await upload(first)
  site.clock.goOn(61)
  await using second = await site.open()
  await using third = await site.open()
  const counts = await Promise.all(
    [first, second, third].map((lake) => lake.uploads.reconcile({ limit: 50 })),
  )
  expect(counts.reduce((sum, { expired }) => sum + expired, 0)).toBe(50)
  expect(counts.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
  expect(await first.uploads.reconcile({})).toMatchObject({ expired: 0, discarded: 0 })
  await expectNothingLeft(site, first, 'all')
})

test('two processes that complete one session at once make one object', async () => {
  await using site = await aSite()
  await using first = await site.open()
  await using second = await site.open()
  const session = await upload(first)
  const [one, two] = await Promise.all([complete(first, session), complete(second, session)])
  expect(one).toEqual(two)
  await expectOneObject(site, first, 'both')
})
