import type { IngestItem, Lake } from '@mindtrace/contract'
import { MindtraceError, streamOf } from '@mindtrace/core'
import type { Database } from '@mindtrace/database'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { type Failure, failingDatabase } from '@mindtrace/database/testing'
import type { Mount } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { chaosMount, type MountOperation, type PlannedFailure } from '@mindtrace/registry/testing'
import { describe, expect, test } from 'vitest'
import {
  aBox,
  aCollection,
  aDatum,
  anAsset,
  aRecord,
  aSample,
  aSchema,
  aSet,
  base64,
  beginIngest,
  commitIngest,
} from './testing/builders.ts'
import { dumpOf } from './testing/dump.ts'
import { codeOf } from './testing/lake-under-test.ts'
import { openLakeOver } from './testing/local-lakes.ts'

const lost = new MindtraceError('UNAVAILABLE', 'the line is cut')
const full = new MindtraceError('STORAGE_FULL', 'no space left on the device')

/** A lake whose database and mount fail as told, with the state behind it. */
interface FaultyLake extends AsyncDisposable {
  readonly lake: Lake
  readonly dump: () => ReturnType<typeof dumpOf>
  /** From now on every call of the database is counted, and the given one fails. */
  readonly failCall: (number: number | undefined, failure?: Failure) => void
  readonly databaseCalls: () => number
}

async function openFaultyLake(
  planned: readonly PlannedFailure[] = [],
  settings: { readonly mount?: Mount } = {},
): Promise<FaultyLake> {
  const database: Database = await openSqliteDatabase({ path: ':memory:' })
  let calls = 0
  let failing: { readonly number: number; readonly failure: Failure } | undefined
  const faulty = failingDatabase(database, ({ method }) => {
    if (method === 'close' || method === 'init') return undefined
    calls += 1
    return failing?.number === calls ? failing.failure : undefined
  })
  const main = chaosMount(settings.mount ?? new MemoryMount(), await onceOpen(planned))
  const mounts = { main, other: new MemoryMount() }
  const lake = await openLakeOver({ database: faulty, mounts })
  return {
    lake,
    dump: () => dumpOf(database),
    failCall: (number, failure = { before: lost }) => {
      calls = 0
      failing = number === undefined ? undefined : { number, failure }
    },
    databaseCalls: () => calls,
    [Symbol.asyncDispose]: () => lake[Symbol.asyncDispose](),
  }
}

/** The failures, put off until the lake is open: opening looks into the mount as well. */
async function onceOpen(planned: readonly PlannedFailure[]): Promise<PlannedFailure[]> {
  const mount = chaosMount(new MemoryMount(), [])
  await using _lake = await openLakeOver({
    database: await openSqliteDatabase({ path: ':memory:' }),
    mounts: { main: mount, other: new MemoryMount() },
  })
  return planned.map((failure) => {
    const opening = mount.calls.filter(
      ({ operation, key }) =>
        operation === failure.operation && key.includes(failure.keyIncludes ?? ''),
    )
    return { ...failure, afterCalls: (failure.afterCalls ?? 0) + opening.length }
  })
}

const streamed = ({ sample, payloads }: IngestItem): IngestItem => ({
  sample,
  payloads: { image: () => streamOf(payloads.image as Uint8Array) },
})

const items = [0, 1, 2, 3].map((ordinal) =>
  ordinal % 2 === 0 ? aSample(ordinal) : streamed(aSample(ordinal)),
)

async function ingestAll(lake: Lake): Promise<void> {
  const session_id = await beginIngest(lake)
  for (const group of [items.slice(0, 2), items.slice(2)]) {
    await lake.streams.ingestGroup(session_id, group)
  }
  await commitIngest(lake, session_id, items)
}

/** Repeats what failed, as whoever sends a source does. */
async function ingestInTheEnd(lake: Lake): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ingestAll(lake)
      return attempt
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** Payloads that came as streams have a version for each attempt; all else is the same. */
function withoutVersions(dump: object): unknown {
  return JSON.parse(
    JSON.stringify(dump).replaceAll(/(stream_?#?\w*)@?[\d.]*"/g, '$1"'),
    (key, value) => (key === 'version' ? undefined : value),
  )
}

describe('an ingest that was interrupted ends in the lake that an undisturbed one makes', () => {
  const undisturbed = async () => {
    await using faulty = await openFaultyLake()
    faulty.failCall(undefined)
    await ingestAll(faulty.lake)
    return { dump: withoutVersions(await faulty.dump()), calls: faulty.databaseCalls() }
  }

  test.each([
    ['before the database has done anything', { before: lost }],
    ['after the database has done it, its answer being lost', { after: lost }],
  ] as const)('at each of its steps, %s', async (_when, failure) => {
    const { dump, calls } = await undisturbed()
    expect(calls).toBeGreaterThan(20)
    for (let number = 1; number <= calls; number += 1) {
      await using faulty = await openFaultyLake()
      faulty.failCall(number, failure)
      expect(await ingestInTheEnd(faulty.lake), `call ${number}`).toBe(2)
      expect(withoutVersions(await faulty.dump()), `call ${number}`).toEqual(dump)
      expect(await faulty.lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }
  })

  const operations: readonly MountOperation[] = [
    'read',
    'head',
    'write',
    'stage',
    'publish',
    'lock',
    'listFolder',
  ]
  test.each(operations)('when the mount fails to %s', async (operation) => {
    const { dump } = await undisturbed()
    for (const error of [lost, full]) {
      for (let afterCalls = 0; afterCalls < 12; afterCalls += 1) {
        await using faulty = await openFaultyLake([{ operation, error, afterCalls, times: 1 }])
        await ingestInTheEnd(faulty.lake)
        expect(withoutVersions(await faulty.dump()), `call ${afterCalls}`).toEqual(dump)
        // The failure may have waited for this.
        const verify = () => faulty.lake.lake.verify({ read_data: true })
        expect(await verify().catch(verify)).toMatchObject({ ok: true })
      }
    }
  })

  test('when a stream breaks off in the middle', async () => {
    const { dump } = await undisturbed()
    const failure = { operation: 'stage', error: lost, afterBytes: 3, times: 1 } as const
    await using faulty = await openFaultyLake([failure])
    expect(await ingestInTheEnd(faulty.lake)).toBe(2)
    expect(withoutVersions(await faulty.dump())).toEqual(dump)
  })
})

test('a full disk fails the group as such and leaves no record of it', async () => {
  await using faulty = await openFaultyLake([{ operation: 'stage', error: full, afterCalls: 2 }])
  const { lake } = faulty
  const session_id = await beginIngest(lake)
  await lake.streams.ingestGroup(session_id, items.slice(0, 1))
  const before = await faulty.dump()
  expect(await codeOf(() => lake.streams.ingestGroup(session_id, items.slice(1)))).toBe(
    'STORAGE_FULL',
  )
  expect(await faulty.dump()).toEqual(before)
  expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
})

describe('an operation that fails at any step leaves the old state or the new one:', () => {
  type Prepared = () => Promise<unknown>
  const operations: Record<string, (lake: Lake) => Promise<Prepared>> = {
    'assets.create': async (lake) => () => anAsset(lake),
    'assets.create_from_object': async (lake) => () =>
      lake.assets.createFromObject({
        name: 'x',
        data_base64: base64('x'),
        kind: 'image',
        media_type: 'image/png',
      }),
    'assets.delete': async (lake) => {
      const { asset_id } = await anAsset(lake)
      await lake.aliases.add({ asset_id, alias: 'doomed' })
      return () => lake.assets.delete({ id: asset_id })
    },
    'aliases.add': async (lake) => {
      const { asset_id } = await anAsset(lake)
      return () => lake.aliases.add({ asset_id, alias: 'new' })
    },
    'collections.delete': async (lake) => {
      const { collection_id } = await aCollection(lake)
      for (let index = 0; index < 3; index += 1) {
        const { asset_id } = await anAsset(lake)
        await lake.collectionItems.create({ collection_id, asset_id })
      }
      return () => lake.collections.delete({ id: collection_id })
    },
    'annotation_sets.create': async (lake) => {
      const { datum_id } = await aDatum(lake)
      const { annotation_schema_id } = await aSchema(lake)
      return () => aSet(lake, { datum_id, annotation_schema_id })
    },
    'annotation_records.add': async (lake) => {
      const { datum_id } = await aDatum(lake)
      const { annotation_schema_id } = await aSchema(lake)
      const { annotation_set_id } = await aSet(lake, { datum_id, annotation_schema_id })
      const annotations = [aBox(), aBox(), aBox()]
      return () => lake.annotationRecords.add({ annotation_set_id, annotations })
    },
    'annotation_records.delete': async (lake) => {
      const { annotation_id } = await aRecord(lake)
      for (let index = 0; index < 2; index += 1) {
        const { annotation_set_id } = await aSet(lake)
        const changes = { annotation_record_ids: [annotation_id] }
        await lake.annotationSets.update({ annotation_set_id, changes })
      }
      return () => lake.annotationRecords.delete({ id: annotation_id })
    },
    'annotation_schemas.delete': async (lake) => {
      const { annotation_schema_id } = await aSchema(lake)
      return () => lake.annotationSchemas.delete({ id: annotation_schema_id })
    },
    'dataset_versions.create': async (lake) => {
      const { datum_id } = await aDatum(lake)
      const input = { dataset_name: 'pets', version: '1', manifest: [datum_id] }
      return () => lake.datasetVersions.create(input)
    },
    'ingest.abandon': async (lake) => {
      const session_id = await beginIngest(lake)
      await lake.streams.ingestGroup(session_id, items)
      return () => lake.ingest.abandon({ session_id })
    },
  }

  test.each(Object.entries(operations))('%s', async (_name, prepare) => {
    const whole = await openFaultyLake()
    const run = await prepare(whole.lake)
    const before = await whole.dump()
    whole.failCall(undefined)
    await run()
    const after = await whole.dump()
    const calls = whole.databaseCalls()
    await whole[Symbol.asyncDispose]()
    expect(before).not.toEqual(after)
    for (const failure of [{ before: lost }, { after: lost }]) {
      for (let number = 1; number <= calls; number += 1) {
        await using faulty = await openFaultyLake()
        const operation = await prepare(faulty.lake)
        faulty.failCall(number, failure)
        expect(await codeOf(operation)).toBe('UNAVAILABLE')
        const dump = await faulty.dump()
        expect([before, after], `call ${number}`).toContainEqual(dump)
      }
    }
  })
})

test('a payload whose bytes were damaged is told, and its asset keeps its state', async () => {
  const mount = new MemoryMount()
  await using faulty = await openFaultyLake([], { mount })
  const { lake } = faulty
  const { asset } = await lake.assets.createFromObject({
    name: 'image',
    data_base64: base64('pixels'),
    kind: 'image',
    media_type: 'image/png',
  })
  const payloads = []
  for await (const { key } of mount.list('')) if (key.endsWith('data.txt')) payloads.push(key)
  await mount.write(payloads[0] as string, new TextEncoder().encode('pixelZ'))
  const { body } = await lake.streams.readAsset(asset.asset_id)
  expect(await codeOf(() => new Response(body).bytes())).toBe('CORRUPT')
  const verified = await lake.lake.verify({ read_data: true })
  expect(verified.issues).toMatchObject([{ kind: 'payload_corrupt', id: asset.asset_id }])
  expect((await lake.assets.get({ id: asset.asset_id })).asset).toEqual(asset)
})

test('a read that fails for a moment is no corrupt payload', async () => {
  const failure = { operation: 'read', error: lost, keyIncludes: 'data.txt', times: 1 } as const
  await using faulty = await openFaultyLake([failure])
  const { lake } = faulty
  const { asset } = await lake.assets.createFromObject({
    name: 'image',
    data_base64: base64('pixels'),
    kind: 'image',
    media_type: 'image/png',
  })
  expect(await codeOf(() => lake.streams.readAsset(asset.asset_id))).toBe('UNAVAILABLE')
  const { body } = await lake.streams.readAsset(asset.asset_id)
  expect(await new Response(body).text()).toBe('pixels')
})
