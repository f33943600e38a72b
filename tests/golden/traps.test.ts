/*
 * Every row of "Bugs and traps" (service-wire.md 19), "Weak points" (datalake-model.md 15) and "Acceptance checks"
 * (datalake-model.md 16) by its number. What is proven at length elsewhere is named, and touched here where that is cheap.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Lake, type TaskName, taskPath } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { fixedClock, temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import {
  type DatabaseCall,
  type DatabasePlace,
  failingDatabase,
  mongoPlace,
} from '@mindtrace/database/testing'
import { lakeCollections, openLocalLake } from '@mindtrace/datalake'
import { type Mount, openRegistry, Store } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { chaosMount } from '@mindtrace/registry/testing'
import { createAccess, createApp, startService } from '@mindtrace/service'
import mongoose from 'mongoose'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { watchApps } from '../openapi/watched-app.ts'
import { runNode } from './run-node.ts'

const declared = watchApps()

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

/** Where a row is proven at length: a file, and words of it that are the test's. */
interface Proof {
  readonly file: string
  readonly says: string
}

const proof = (file: string, says: string): Proof => ({ file, says })

/** Rows whose tasks come with issues of their own: they answer 501 until then. */
const later: Readonly<Record<string, readonly TaskName[]>> = {
  'service-wire.md 19, row 5': ['replication.reclaim_verified_payloads'],
  'service-wire.md 19, row 6': ['dataset_versions.streaming_import_finalize'],
  'service-wire.md 19, row 7': ['dataset_versions.import_session_start'],
  'service-wire.md 19, row 8': ['dataset_sync.import_graph'],
  'service-wire.md 19, row 9': [
    'dataset_versions.import_prepare',
    'dataset_versions.import_commit',
  ],
  'service-wire.md 19, row 13': ['replication.tasks.claim'],
  'service-wire.md 19, row 14, jobs': ['dataset_versions.import_job_status'],
  'service-wire.md 19, row 20': ['dataset_versions.streaming_import_push_batch'],
  'service-wire.md 19, row 23': ['dataset_versions.import_start'],
  'service-wire.md 19, row 24': [
    'dataset_versions.import_session_upload_payload',
    'dataset_sync.hydrate_payload',
  ],
  'service-wire.md 19, row 25': ['replication.hydrate_asset_payload', 'replication.reconcile'],
  'datalake-model.md 15, row 13, replication': ['replication.status'],
  'datalake-model.md 15, row 24': ['replication.tasks.claim'],
}

/** Rows that are proven at length elsewhere. */
const elsewhere: Readonly<Record<string, readonly Proof[]>> = {
  'service-wire.md 19, row 2': [
    proof('apps/service/src/upload-reconciler.test.ts', 'goes on after a failure'),
  ],
  'service-wire.md 19, row 14, MCP': [
    proof('tests/mcp/golden.test.ts', 'a session goes as it went with the reference'),
  ],
  'service-wire.md 19, row 22': [
    // Nothing to prove: it is about the version of FastAPI in a peer.
    proof('tests/servers/python-reference.ts', 'mindtrace-datalake==0.16.0'),
  ],
  'service-wire.md 19, row 26': [
    proof(
      'packages/datalake/src/testing/contract/uploads.ts',
      'that comes late is still an object, where its bytes are still there',
    ),
    proof(
      'packages/datalake/src/testing/contract/uploads.ts',
      'become an object when they are completed, and are complete ever after',
    ),
  ],
  'datalake-model.md 15, row 3': [proof('bench/scenarios/base64-put.ts', 'base64')],
  'datalake-model.md 15, row 4': [
    proof(
      'packages/datalake/src/faults.test.ts',
      'an operation that fails at any step leaves the old state or the new one',
    ),
    proof('packages/database/src/testing/contract/transactions.ts', 'are all or nothing'),
  ],
  'datalake-model.md 15, row 11': [
    proof(
      'packages/datalake/src/records/stored-documents.test.ts',
      'of the reference are among ours',
    ),
  ],
  'datalake-model.md 15, row 13': [
    proof(
      'packages/datalake/src/uploads/uploads.faults.test.ts',
      'many processes share what is due',
    ),
    proof(
      'packages/datalake/src/pages/list.test.ts',
      'refuses them with advice where they are forbidden',
    ),
  ],
  'datalake-model.md 15, row 16': [
    proof(
      'packages/datalake/src/testing/contract/uploads.ts',
      'become one object however many complete them at once',
    ),
    proof(
      'packages/datalake/src/uploads/uploads.faults.test.ts',
      'what nobody completed is gone in the end',
    ),
  ],
  'datalake-model.md 15, row 18': [
    // Payloads that a retained asset names are no garbage; see docs/decisions/0016.
    proof(
      'packages/datalake/src/gc/storage-references.test.ts',
      'all that the model can refer to objects with',
    ),
  ],
  'datalake-model.md 15, row 20': [
    proof('apps/service/src/probes.test.ts', 'names the parts that do not answer'),
  ],
  'datalake-model.md 16, row 1': [
    proof(
      'packages/datalake/src/records/stored-documents.test.ts',
      'keep what we do not know of them',
    ),
    proof('tests/mongo/python-interop.test.ts', 'MINDTRACE_TEST_PYTHON'),
  ],
  'datalake-model.md 16, row 2': [
    proof(
      'packages/datalake/src/records/stored-documents.test.ts',
      'of ours let the reference make its own afterwards',
    ),
  ],
  'datalake-model.md 16, row 3': [
    proof('packages/datalake/src/pages/cursor.test.ts', 'are read and written again byte for byte'),
    proof('packages/datalake/src/testing/contract/paging.ts', 'cursors that somebody has changed'),
  ],
  'datalake-model.md 16, row 4': [
    proof(
      'packages/datalake/src/testing/contract/paging.ts',
      'hide rows of $family that came after the first page',
    ),
  ],
  'datalake-model.md 16, row 7': [
    proof('tests/mongo/bad-filters.test.ts', 'a filter outside the grammar'),
    proof('packages/database/src/filter.test.ts', 'test('),
  ],
  'datalake-model.md 16, row 8': [
    proof('packages/datalake/src/annotation-rules.test.ts', 'test.each(taskTypes)'),
  ],
  'datalake-model.md 16, row 9': [
    proof('packages/datalake/src/faults.test.ts', 'test.each(Object.entries(operations))'),
    proof(
      'packages/datalake/src/uploads/uploads.faults.test.ts',
      'when the process that completes it is killed at any call',
    ),
  ],
}

/** A lake behind the service's application. */
interface Served extends AsyncDisposable {
  readonly lake: Lake
  readonly post: (task: TaskName, body?: unknown) => Promise<{ status: number; body: never }>
  readonly app: ReturnType<typeof createApp>
}

interface Wishes {
  readonly settings?: Partial<Parameters<typeof openLocalLake>[0]['settings']>
  readonly database?: (database: Database) => Database
  readonly main?: Mount
  /** A second mount, which takes no writes. */
  readonly frozen?: Mount
}

type OpenDatabase = (stack: AsyncDisposableStack) => Promise<Database>

/** Every call of a database, as they come. */
function recordedCalls() {
  const calls: DatabaseCall[] = []
  const database = (inner: Database): Database =>
    failingDatabase(inner, (call) => {
      calls.push(call)
      return undefined
    })
  return { calls, database }
}

async function serve(openDatabase: OpenDatabase, wishes: Wishes = {}): Promise<Served> {
  await using stack = new AsyncDisposableStack()
  const database = await openDatabase(stack)
  const defaults = { versionObjects: true, mutable: true }
  const store = new Store({
    main: await openRegistry(wishes.main ?? new MemoryMount(), { defaults }),
    ...(wishes.frozen === undefined
      ? {}
      : { frozen: await openRegistry(wishes.frozen, { defaults, readOnly: true }) }),
  })
  const lake = stack.use(
    await openLocalLake({
      database: wishes.database?.(database) ?? database,
      store,
      clock: fixedClock(),
      settings: { databaseName: 'traps', ...wishes.settings },
    }),
  )
  const serverInfo = { serverId: 'none', pidFile: 'none', version: '0.0.0' }
  const access = createAccess({ allowDestructive: wishes.settings?.allowWipe === true })
  const app = declared.watch(createApp({ lake, serverInfo, access }))
  const kept = stack.move()
  return {
    lake,
    app,
    post: async (task, body = {}) => {
      const response = await app.request(taskPath(task), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as never }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const anImage = { name: 'one', data_base64: 'AAEC', kind: 'image', media_type: 'image/png' }
const aSource = { type: 'human', name: 'me' } as const
const aBox = {
  kind: 'bbox',
  label: 'cat',
  source: aSource,
  geometry: { x: 0, y: 0, width: 1, height: 1 },
}

/** Databases that are free again, since it takes long to make one. */
const freePlaces: DatabasePlace[] = []

async function openMongo(stack: AsyncDisposableStack): Promise<Database> {
  const place = freePlaces.pop() ?? mongoPlace(mongodb)
  stack.defer(() => {
    freePlaces.push(place)
  })
  const database = await openMongoDatabase({ url: place.address })
  await database.init(lakeCollections)
  await database.drop()
  return database
}

afterAll(async () => {
  for (const place of freePlaces) await place[Symbol.asyncDispose]()
})

const backEnds: Readonly<Record<string, OpenDatabase>> = {
  SQLite: () => openSqliteDatabase({ path: ':memory:' }),
  ...(mongodb === '' ? {} : { MongoDB: openMongo }),
}

async function atOnce(count: number, call: (index: number) => Promise<unknown>) {
  const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, n) => call(n)))
  return outcomes.filter(({ status }) => status === 'fulfilled').length
}

describe.each(Object.entries(backEnds))('on %s', (_name, openDatabase) => {
  const served = (work: (service: Served) => Promise<void>, wishes?: Wishes) => async () => {
    await using service = await serve(openDatabase, wishes)
    await work(service)
  }

  describe('service-wire.md 19', () => {
    test(
      'row 1: what is not there is 404, what is taken 409, as JSON',
      served(async ({ post }) => {
        for (const task of ['collections.get', 'datums.get', 'assets.delete'] as const) {
          const { status, body } = await post(task, { id: 'nobody' })
          expect([status, body]).toEqual([404, { detail: expect.stringContaining('nobody') }])
        }
        const version = { dataset_name: 'pets', version: '1', manifest: [] }
        expect((await post('dataset_versions.create', version)).status).toBe(200)
        expect((await post('dataset_versions.create', version)).status).toBe(409)
      }),
    )

    test(
      'row 2: collections and indexes are there when a lake has been opened',
      served(async ({ lake }) => {
        // No request has come before: two at once already meet the unique index.
        const create = () =>
          lake.annotationSchemas.create({
            name: 's',
            version: '1',
            task_type: 'other',
            allowed_annotation_kinds: [],
          })
        expect(await atOnce(2, create)).toBe(1)
      }),
    )

    test(
      'row 3: a change outside a closed set is 422, and nothing is stored',
      served(async ({ post, lake }) => {
        const { collection } = await lake.collections.create({ name: 'c' })
        const { collection_id } = collection
        for (const changes of [{ status: 'bogus' }, { status: null }, { metadata: null }]) {
          const { status } = await post('collections.update', { collection_id, changes })
          expect([status, changes]).toEqual([422, changes])
        }
        expect(await lake.collections.get({ id: collection_id })).toEqual({ collection })
        expect((await lake.collections.list({})).collections).toEqual([collection])
        expect((await lake.collections.listPage({})).items).toEqual([collection])
        await lake.collections.delete({ id: collection_id })
      }),
    )

    test('row 4: a wipe keeps what is unique, and leaves read-only mounts alone', async () => {
      const frozen = new MemoryMount()
      const registry = await openRegistry(frozen, {
        defaults: { versionObjects: true, mutable: true },
      })
      await registry.put('kept', new Uint8Array([0, 1, 2]))
      await using service = await serve(openDatabase, { frozen, settings: { allowWipe: true } })
      const { lake } = service
      await lake.assets.createFromObject(anImage)
      expect(await lake.datalake.wipe({})).toMatchObject({ cleared_mounts: ['main'] })
      const storage_ref = { mount: 'frozen', name: 'kept' }
      expect((await lake.objects.get({ storage_ref })).data_base64).toBe('AAEC')
      const version = { dataset_name: 'pets', version: '1', manifest: [] }
      expect(await atOnce(5, () => lake.datasetVersions.create(version))).toBe(1)
    })

    test(
      'row 10: base64 of another alphabet, with other characters or none of its padding is 400',
      served(async ({ post }) => {
        for (const data_base64 of ['-_-_', 'YQ', 'Y Q==', 'YQ==\n', '***', '====']) {
          const put = await post('objects.put', { name: 'x', data_base64 })
          expect([put.status, data_base64]).toEqual([400, data_base64])
          const create = await post('assets.create_from_object', { ...anImage, data_base64 })
          expect([create.status, data_base64]).toEqual([400, data_base64])
        }
      }),
    )

    test(
      'row 11: the head of an object that is not there is {}',
      served(async ({ post }) => {
        const { status, body } = await post('objects.head', {
          storage_ref: { mount: 'main', name: 'gone' },
        })
        expect([status, body]).toEqual([200, expect.objectContaining({ metadata: {} })])
      }),
    )

    test(
      'row 12: a dataset version is made once, however many make it at once',
      served(async ({ post }) => {
        const version = { dataset_name: 'pets', version: '1', manifest: [] }
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => post('dataset_versions.create', version)),
        )
        const statuses = answers.map(({ status }) => status).sort()
        expect(statuses).toEqual([200, ...Array(19).fill(409)])
      }),
    )

    test('row 14: MCP without a session is answered by any process', async () => {
      await using one = await serve(openDatabase)
      await using another = await serve(openDatabase)
      for (const { app } of [one, another]) {
        const response = await app.request('/mcp-server/mcp', {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json, text/event-stream',
          },
          body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"health","arguments":{}}}',
        })
        expect([response.status, await response.text()]).toEqual([
          200,
          expect.stringContaining('traps'),
        ])
      }
    })

    test(
      'row 15: others are answered while a payload is on its way',
      served(async ({ lake, post }) => {
        const arrived = Promise.withResolvers<void>()
        const rest = Promise.withResolvers<void>()
        const slow = new ReadableStream<Uint8Array>({
          async pull(controller) {
            controller.enqueue(new Uint8Array(65_536))
            arrived.resolve()
            await rest.promise
            controller.close()
          },
        })
        const writing = lake.streams.writeObject({ mount: null, name: 'slow' }, slow)
        await arrived.promise
        expect((await post('status')).status).toBe(200)
        expect((await post('summary')).status).toBe(200)
        rest.resolve()
        expect((await writing).size_bytes).toBe(65_536)
      }),
    )

    test(
      'row 16: every time leaves with its zone, of what was made, changed and read',
      served(async ({ lake, post }) => {
        const { asset } = await lake.assets.createFromObject(anImage)
        const { asset_id } = asset
        const answers = [
          await post('assets.get', { id: asset_id }),
          await post('assets.update_metadata', { asset_id, metadata: {} }),
          await post('assets.list'),
          await post('assets.list_page'),
        ]
        const times = JSON.stringify(answers).match(/"\d{4}-\d\d-\d\dT[^"]*"/g) ?? []
        expect(times.length).toBe(16)
        expect(times.filter((time) => !time.endsWith('Z"'))).toEqual([])
      }),
    )

    test(
      'row 17: collections are paged by their last change',
      served(async ({ lake }) => {
        const made = []
        for (const name of ['a', 'b', 'c']) {
          made.push((await lake.collections.create({ name })).collection.collection_id)
        }
        const [first = '', second = '', third = ''] = made
        await lake.collections.update({ collection_id: first, changes: { name: 'z' } })
        const page = await lake.collections.listPage({ sort: 'updated_desc', limit: 2 })
        const { next_cursor: cursor } = page.page
        const rest = await lake.collections.listPage({ sort: 'updated_desc', cursor })
        const ids = [...page.items, ...rest.items].map(({ collection_id }) => collection_id)
        expect(ids).toEqual([first, third, second])
      }),
    )

    test(
      'row 19: records that name their subjects need no image of the set',
      served(async ({ lake }) => {
        const ids: string[] = []
        for (const name of ['one', 'two']) {
          ids.push((await lake.assets.createFromObject({ ...anImage, name })).asset.asset_id)
        }
        const set = { name: 'n', purpose: 'other', source_type: 'human' } as const
        const { annotation_set } = await lake.annotationSets.create(set)
        const { annotation_set_id } = annotation_set
        for (const image of ids) {
          await lake.datums.create({
            asset_refs: { image },
            annotation_set_ids: [annotation_set_id],
          })
        }
        const add = (annotation: Record<string, unknown>) =>
          lake.annotationRecords.add({ annotations: [annotation], annotation_set_id })
        await expect(add(aBox)).rejects.toMatchObject({ code: 'INVALID_INPUT' })
        const subject = { kind: 'asset', id: ids[1] }
        const { annotation_records } = await add({ ...aBox, subject })
        expect(annotation_records[0]?.subject).toEqual(subject)
      }),
    )

    test(
      'row 21: the check of a version prints nothing',
      served(async ({ lake }) => {
        const writes = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'))
        const logs = vi.spyOn(console, 'log')
        const version = { dataset_name: 'pets', version: '1' }
        await lake.datasetVersions.create({ ...version, manifest: [] })
        expect((await lake.datasetVersions.verifyIntegrity(version)).ok).toBe(true)
        for (const spy of [...writes, logs]) expect(spy).not.toHaveBeenCalled()
      }),
    )

    test('row 27: shutdown answers what it declares, and ends the process afterwards', async () => {
      await using service = await serve(openDatabase)
      const ended = Promise.withResolvers<void>()
      const app = createApp({
        lake: service.lake,
        serverInfo: { serverId: 'none', pidFile: 'none', version: '0' },
        access: createAccess({ allowDestructive: true }),
        shutdown: ended.resolve,
      })
      await using running = await startService({ app, port: 0 })
      const response = await fetch(`${running.address}/shutdown`, { method: 'POST' })
      expect([response.status, await response.json()]).toEqual([200, { shutdown: true }])
      await ended.promise
    })
  })

  describe('datalake-model.md 15', () => {
    test('row 1: a version of many datums is resolved by few queries, not by one for each', async () => {
      const { calls, database } = recordedCalls()
      await using service = await serve(openDatabase, {
        database,
      })
      const { lake } = service
      const queriesFor = async (count: number) => {
        const { asset } = await lake.assets.createFromObject({ ...anImage, name: `of ${count}` })
        const manifest: string[] = []
        for (let n = 0; n < count; n += 1) {
          const { datum } = await lake.datums.create({ asset_refs: { image: asset.asset_id } })
          const { datum_id } = datum
          manifest.push(datum_id)
          const { annotation_set } = await lake.annotationSets.create({
            name: 'n',
            purpose: 'other',
            source_type: 'human',
            datum_id,
          })
          const { annotation_set_id } = annotation_set
          await lake.annotationRecords.add({ annotations: [aBox], annotation_set_id })
        }
        const version = { dataset_name: 'pets', version: String(count) }
        await lake.datasetVersions.create({ ...version, manifest })
        calls.length = 0
        const { resolved_dataset_version } = await lake.datasetVersions.resolve(version)
        expect(resolved_dataset_version.datums).toHaveLength(count)
        return calls.length
      }
      expect(await queriesFor(30)).toBe(await queriesFor(2))
    })

    test(
      'row 5: changes of one field beside each other are all kept',
      served(async ({ lake }) => {
        const { collection } = await lake.collections.create({ name: 'c', metadata: { a: 1 } })
        const { collection_id } = collection
        await Promise.all([
          lake.collections.update({ collection_id, changes: { name: 'new' } }),
          lake.collections.update({ collection_id, changes: { description: 'new' } }),
          lake.collections.update({ collection_id, changes: { status: 'archived' } }),
        ])
        expect((await lake.collections.get({ id: collection_id })).collection).toMatchObject({
          name: 'new',
          description: 'new',
          status: 'archived',
          metadata: { a: 1 },
        })
      }),
    )

    test(
      'row 8: of two assets one gets an alias, and of a deletion and a use of a schema one happens',
      served(async ({ lake }) => {
        const ids: string[] = []
        for (const name of ['one', 'two']) {
          ids.push((await lake.assets.createFromObject({ ...anImage, name })).asset.asset_id)
        }
        const add = (n: number) => lake.aliases.add({ asset_id: ids[n % 2] as string, alias: 'x' })
        expect(await atOnce(20, add)).toBe(10)
        const { annotation_schema } = await lake.annotationSchemas.create({
          name: 's',
          version: '1',
          task_type: 'other',
          allowed_annotation_kinds: [],
        })
        const { annotation_schema_id } = annotation_schema
        await Promise.allSettled([
          lake.annotationSchemas.delete({ id: annotation_schema_id }),
          lake.annotationSets.create({
            name: 'n',
            purpose: 'other',
            source_type: 'human',
            annotation_schema_id,
          }),
        ])
        const [schemas, sets] = [
          (await lake.annotationSchemas.list({})).annotation_schemas.length,
          (await lake.annotationSets.list({})).annotation_sets.length,
        ]
        expect([schemas, sets]).toSatisfy((pair) => /^(1,1|0,0|1,0)$/.test(String(pair)))
      }),
    )

    test(
      'rows 9 and 10: pages go on over null keys, and a cursor brings no query of its own',
      served(async ({ lake, post }) => {
        for (const split of [null, 'train', null, 'val', null]) {
          await lake.datums.create({ asset_refs: {}, split })
        }
        const splits: unknown[] = []
        let cursor: string | null = null
        do {
          const page: Awaited<ReturnType<typeof lake.datums.listPage>> = await lake.datums.listPage(
            { sort: 'split_created_desc', limit: 1, cursor },
          )
          splits.push(...page.items.map(({ split }) => split))
          cursor = page.page.next_cursor
        } while (cursor !== null)
        expect(splits).toEqual([null, null, null, 'train', 'val'])
        const { page } = await lake.datums.listPage({ sort: 'split_created_desc', limit: 4 })
        const envelope = JSON.parse(Buffer.from(page.next_cursor ?? '', 'base64url').toString())
        envelope.last_key.split = { $ne: 'x' }
        const changed = Buffer.from(JSON.stringify(envelope)).toString('base64url')
        const { status, body } = await post('datums.list_page', {
          sort: 'split_created_desc',
          cursor: changed,
        })
        expect([status, body]).toEqual([
          400,
          { detail: expect.stringContaining('Invalid pagination request') },
        ])
      }),
    )

    test('row 12: deleting an asset reads no datum', async () => {
      const { calls, database } = recordedCalls()
      await using service = await serve(openDatabase, {
        database,
      })
      const { lake } = service
      const { asset } = await lake.assets.createFromObject(anImage)
      await lake.datums.create({ asset_refs: { image: asset.asset_id } })
      calls.length = 0
      await expect(lake.assets.delete({ id: asset.asset_id })).rejects.toMatchObject({
        code: 'CONFLICT',
      })
      const ofDatums = calls.filter(({ collection }) => collection === 'datalake_datums')
      expect(ofDatums.map(({ method }) => method)).toEqual(['count'])
    })

    test(
      'row 14: a manifest beyond what one document holds is one manifest all the same',
      served(
        async ({ lake }) => {
          const manifest: string[] = []
          for (let n = 0; n < 7; n += 1) {
            manifest.push((await lake.datums.create({ asset_refs: {} })).datum.datum_id)
          }
          const version = { dataset_name: 'pets', version: '1' }
          await lake.datasetVersions.create({ ...version, manifest })
          const { dataset_version } = await lake.datasetVersions.get(version)
          expect(dataset_version.manifest).toEqual(manifest)
          const { items } = await lake.datasetVersions.viewPage(version)
          expect(items.map(({ datum_id }) => datum_id)).toEqual(manifest)
        },
        { settings: { maxInlineManifest: 2, manifestChunkSize: 3 } },
      ),
    )

    test('row 15: a read that fails leaves an asset as it is', async () => {
      const error = new MindtraceError('UNAVAILABLE', 'the cable is out')
      const main = chaosMount(new MemoryMount(), [
        { operation: 'read', error, keyIncludes: 'data.txt' },
      ])
      await using service = await serve(openDatabase, { main })
      const { lake } = service
      const { asset } = await lake.assets.createFromObject(anImage)
      const { storage_ref } = asset
      await expect(lake.objects.get({ storage_ref })).rejects.toThrow('the cable is out')
      expect((await lake.assets.get({ id: asset.asset_id })).asset).toEqual(asset)
    })

    test('row 19: a second lake of a process has its indexes too, and so has a wiped one', async () => {
      await using one = await serve(openDatabase, { settings: { allowWipe: true } })
      await using another = await serve(openDatabase, { settings: { allowWipe: true } })
      const version = { dataset_name: 'pets', version: '1', manifest: [] }
      for (const { lake } of [one, another]) {
        expect(await atOnce(5, () => lake.datasetVersions.create(version))).toBe(1)
        await lake.datalake.wipe({})
        expect(await atOnce(5, () => lake.datasetVersions.create(version))).toBe(1)
      }
    })

    test(
      'row 23: without the setting nothing is wiped',
      served(async ({ post, lake }) => {
        await lake.assets.createFromObject(anImage)
        expect((await post('datalake.wipe')).status).toBe(403)
        expect((await lake.assets.list({})).assets).toHaveLength(1)
      }),
    )

    test('row 25: a page of a view reads its part of the manifest, however long that is', async () => {
      const { calls, database } = recordedCalls()
      await using service = await serve(openDatabase, {
        settings: { maxInlineManifest: 2, manifestChunkSize: 5 },
        database,
      })
      const { lake } = service
      const manifest: string[] = []
      for (let n = 0; n < 40; n += 1) {
        manifest.push((await lake.datums.create({ asset_refs: {} })).datum.datum_id)
      }
      const version = { dataset_name: 'pets', version: '1' }
      await lake.datasetVersions.create({ ...version, manifest })
      const { page } = await lake.datasetVersions.viewPage({ ...version, limit: 3 })
      calls.length = 0
      const request = { ...version, limit: 3, cursor: page.next_cursor, include_total: true }
      const next = await lake.datasetVersions.viewPage(request)
      expect(next.page.total_count).toBe(40)
      expect(next.items.map(({ datum_id }) => datum_id)).toEqual(manifest.slice(3, 6))
      const asked = calls
        .filter(({ collection }) => collection === 'datalake_datums')
        .flatMap(({ args }) => JSON.stringify(args).match(/datum_[0-9a-f]{32}/g) ?? [])
      expect(asked.length).toBeLessThanOrEqual(10)
    })
  })

  describe('datalake-model.md 16', () => {
    test(
      'row 5: fifty at once make one version, one alias, one schema, and lose no record and no set',
      served(async ({ lake }) => {
        const { asset } = await lake.assets.createFromObject(anImage)
        const { asset_id } = asset
        const version = { dataset_name: 'pets', version: '1', manifest: [] }
        expect(await atOnce(50, () => lake.datasetVersions.create(version))).toBe(1)
        const { asset: other } = await lake.assets.createFromObject({ ...anImage, name: 'two' })
        const alias = (n: number) =>
          lake.aliases.add({ asset_id: n === 0 ? asset_id : other.asset_id, alias: 'x' })
        expect(await atOnce(50, alias)).toSatisfy((count) => count === 1 || count === 49)
        const schema = {
          name: 's',
          version: '1',
          task_type: 'other',
          allowed_annotation_kinds: [],
        }
        expect(await atOnce(50, () => lake.annotationSchemas.create(schema))).toBe(1)
        const { datum } = await lake.datums.create({ asset_refs: { image: asset_id } })
        const { datum_id } = datum
        const set = { name: 'n', purpose: 'other', source_type: 'human', datum_id } as const
        expect(await atOnce(50, () => lake.annotationSets.create(set))).toBe(50)
        const { annotation_set_ids } = (await lake.datums.get({ id: datum_id })).datum
        expect(new Set(annotation_set_ids).size).toBe(50)
        const [annotation_set_id = ''] = annotation_set_ids
        const add = () => lake.annotationRecords.add({ annotations: [aBox], annotation_set_id })
        expect(await atOnce(50, add)).toBe(50)
        const { annotation_set } = await lake.annotationSets.get({ id: annotation_set_id })
        expect(new Set(annotation_set.annotation_record_ids).size).toBe(50)
      }),
    )

    test(
      'row 6: a change never brings back what is being deleted',
      served(async ({ lake }) => {
        for (let n = 0; n < 10; n += 1) {
          const { collection } = await lake.collections.create({ name: 'c' })
          const { collection_id } = collection
          await Promise.allSettled([
            lake.collections.update({ collection_id, changes: { name: 'd' } }),
            lake.collections.delete({ id: collection_id }),
            lake.collections.update({ collection_id, changes: { name: 'e' } }),
          ])
        }
        expect((await lake.collections.list({})).collections).toEqual([])
      }),
    )
  })
})

describe('service-wire.md 19', () => {
  test.skipIf(mongodb === '')(
    'row 18: a row that Python has spoilt is 500 with a reason by itself, and left out of pages (MINDTRACE_TEST_MONGODB_URL)',
    async () => {
      await using place = mongoPlace(mongodb)
      await using service = await serve(async () => openMongoDatabase({ url: place.address }))
      const { lake, post } = service
      const { collection } = await lake.collections.create({ name: 'whole' })
      const { collection: spoilt } = await lake.collections.create({ name: 'spoilt' })
      const { collection_id } = spoilt
      const connection = await mongoose.createConnection(place.address).asPromise()
      const rows = connection.collection('datalake_collections')
      await rows.updateOne({ collection_id }, { $set: { status: 'bogus' } })
      await connection.close()
      const { status, body } = await post('collections.get', { id: collection_id })
      expect([status, JSON.stringify(body)]).toEqual([500, expect.stringContaining('status')])
      expect((await post('collections.list_page')).body).toMatchObject({ items: [collection] })
      expect((await post('collections.list')).body).toEqual({ collections: [collection] })
      await lake.collections.update({ collection_id, changes: { status: 'active' } })
      expect((await lake.collections.list({})).collections).toHaveLength(2)
    },
  )
})

describe('datalake-model.md 15 and 16', () => {
  test('rows 2 and 10: a payload larger than the heap is put, read and copied in a part of it', async () => {
    await using folder = await temporaryFolder()
    const script = new URL('large-payload.ts', import.meta.url)
    const { code, stdout, stderr } = await runNode(script, [join(folder.path, 'lake')], {
      execArgv: ['--max-old-space-size=64'],
    })
    expect(code, stderr).toBe(0)
    const { bytes, peak_rss_bytes } = JSON.parse(stdout)
    expect(bytes).toBe(256 * 1024 * 1024)
    expect(peak_rss_bytes).toBeLessThan(bytes)
  }, 120_000)
})

afterEach(() => {
  vi.restoreAllMocks()
})

test.each(Object.entries(later))(
  '%s comes with its tasks, which answer 501',
  async (_row, tasks) => {
    await using service = await serve(backEnds.SQLite as OpenDatabase)
    for (const task of tasks) expect([task, (await service.post(task)).status]).toEqual([task, 501])
  },
)

test.each(Object.entries(elsewhere))('%s is proven elsewhere', async (_row, proofs) => {
  for (const { file, says } of proofs) {
    const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')
    expect(text.includes(says), `${file} says '${says}'`).toBe(true)
  }
})

/** Rows that this file proves under the number of another one. */
const together: Readonly<Record<string, string>> = {
  'datalake-model.md 15, row 6': 'datalake-model.md 16, row 6',
  'datalake-model.md 15, row 7': 'service-wire.md 19, rows 3 and 18',
  'datalake-model.md 15, row 21': 'service-wire.md 19, row 16',
  'datalake-model.md 15, row 22': 'service-wire.md 19, row 19',
  'datalake-model.md 15, row 26': 'service-wire.md 19, row 21',
}

/** Rows that nothing here does anything about. */
const undone: Readonly<Record<string, string>> = {
  'datalake-model.md 15, row 17':
    'the members of a version can be changed, as in the reference: no digest of a version is kept',
}

test('every row of the three lists stands here', async () => {
  const text = await readFile(new URL(import.meta.url), 'utf8')
  const counts = {
    'service-wire.md 19': 27,
    'datalake-model.md 15': 26,
    'datalake-model.md 16': 10,
  }
  const missing: string[] = []
  for (const [list, count] of Object.entries(counts)) {
    const [, ...sections] = text.split(`describe('${list}'`)
    const own = sections.map((part) => part.split(/\n {0,2}\}\)\n/)[0]).join('\n')
    const both = text.split("describe('datalake-model.md 15 and 16'")[1]?.split('\n})\n')[0] ?? ''
    const titles = `${own}\n${list.startsWith('datalake') ? both : ''}`
    const named = [...titles.matchAll(/'rows? (\d+)(?: and (\d+))?/g)].flatMap(([, a, b]) => [a, b])
    for (let row = 1; row <= count; row += 1) {
      const name = `${list}, row ${row}`
      const tables = [later, elsewhere, together, undone].some((table) =>
        Object.keys(table).some((key) => key === name || key.startsWith(`${name},`)),
      )
      if (!tables && !named.includes(String(row))) missing.push(name)
    }
  }
  expect(missing).toEqual([])
})
