import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { mongoPlace } from '@mindtrace/database/testing'
import { openLocalLake } from '@mindtrace/datalake'
import { openRegistry, type Registry, Store } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { createApp } from '@mindtrace/service'
import mongoose from 'mongoose'
import type { Answer, Json } from '../../golden/like-the-reference.ts'
import { startPythonService } from '../../servers/python-service.ts'
import { mounts } from './random-call.ts'
import type { Ask, Sides } from './run-story.ts'

/** The Python service, and where it is. */
export interface Theirs extends AsyncDisposable {
  readonly ask: Ask
  readonly database: mongoose.Connection
  readonly databaseName: string
  /** Removes all objects from its mounts, for a new story. */
  readonly empty: () => Promise<void>
}

/** Starts the Python service on a database and mounts of its own. */
export async function openTheirs(server: string): Promise<Theirs> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const { address } = stack.use(mongoPlace(server))
  const home = join(folder.path, 'home')
  await mkdir(home)
  const places = mounts.map((mount) => ({ ...mount, folder: join(folder.path, mount.name) }))
  for (const place of places) await mkdir(place.folder)
  const service = stack.use(await startPythonService({ database: address, mounts: places, home }))
  const database = await mongoose.createConnection(address).asPromise()
  stack.defer(() => database.close())
  const kept = stack.move()
  return {
    ask: async (task, body) => {
      // After a 500 it closes the connection without a word: each call has its own.
      const headers = { 'content-type': 'application/json', connection: 'close' }
      const url = `${service.address}/${task}`
      return await answerOf(await fetch(url, { method: 'POST', headers, body }))
    },
    database,
    empty: async () => {
      for (const { folder: path } of places) {
        for (const name of await readdir(path)) {
          if (name === 'registry_metadata.json') continue
          await rm(join(path, name), { recursive: true })
        }
      }
    },
    databaseName: basename(address.split('?')[0] ?? ''),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Opens services of ours for one story: one over SQLite and one over MongoDB. */
export async function openOurs(
  server: string,
  databaseName: string,
): Promise<AsyncDisposable & { readonly ours: Sides['ours'] }> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const { address } = stack.use(mongoPlace(server))
  const databases = {
    SQLite: () => openSqliteDatabase({ path: ':memory:' }),
    MongoDB: () => openMongoDatabase({ url: address }),
  }
  const ours: Record<string, Ask> = {}
  for (const [kind, openDatabase] of Object.entries(databases)) {
    const registries = new Map<string, Registry>()
    for (const { name, mutable, version_objects } of mounts) {
      const defaults = { mutable, versionObjects: version_objects }
      const mount = new LocalMount(join(folder.path, kind, name))
      registries.set(name, await openRegistry(mount, { defaults }))
    }
    const store = new Store(registries)
    const database = await openDatabase()
    const lake = stack.use(await openLocalLake({ database, store, settings: { databaseName } }))
    const serverInfo = { serverId: 'none', pidFile: 'none', version: '0.0.0' }
    const app = createApp({ lake, serverInfo })
    ours[kind] = async (task, body) => {
      const headers = { 'content-type': 'application/json' }
      return await answerOf(await app.request(`/${task}`, { method: 'POST', headers, body }))
    }
  }
  const kept = stack.move()
  return { ours, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  try {
    return { status: response.status, body: JSON.parse(text) as Json }
  } catch {
    return { status: response.status, body: text }
  }
}
