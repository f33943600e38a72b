import { join } from 'node:path'
import type { Lake } from '@mindtrace/contract'
import { fixedClock, temporaryFolder } from '@mindtrace/core/testing'
import type { Database } from '@mindtrace/database'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { type Mount, openRegistry, Store } from '@mindtrace/registry'
import { LocalMount } from '@mindtrace/registry/local'
import { MemoryMount } from '@mindtrace/registry/memory'
import { openLocalLake } from '../lake.ts'
import type { LakeWishes } from './lake-under-test.ts'

/** A lake's parts, made to be wrapped by a test. */
export interface LakeMaterials {
  readonly database: Database
  readonly mounts: { readonly main: Mount; readonly other: Mount }
}

/** Opens a lake over the given parts, which it then owns. */
export async function openLakeOver(
  { database, mounts }: LakeMaterials,
  { settings, clock = fixedClock(), plainMounts = {} }: LakeWishes = {},
): Promise<Lake> {
  const defaults = { versionObjects: true, mutable: true }
  const store = new Store({
    main: await openRegistry(mounts.main, { defaults }),
    other: await openRegistry(mounts.other, { defaults }),
  })
  for (const [name, mount] of Object.entries(plainMounts)) {
    store.add(name, await openRegistry(mount, { layout: 'plain' }))
  }
  return await openLocalLake({
    database,
    store,
    clock,
    settings: { databaseName: 'test_lake', ...settings },
  })
}

/** A lake in memory. Its manifests go into chunks almost at once: nobody may see a difference. */
export async function openMemoryLake(wishes: LakeWishes = {}): Promise<Lake> {
  const database = await openSqliteDatabase({ path: ':memory:' })
  return await openLakeOver(
    { database, mounts: { main: new MemoryMount(), other: new MemoryMount() } },
    { ...wishes, settings: { maxInlineManifest: 2, manifestChunkSize: 2, ...wishes.settings } },
  )
}

/** A lake in a folder of its own, which goes with it. */
export async function openFolderLake(wishes?: LakeWishes): Promise<Lake> {
  const folder = await temporaryFolder()
  const database = await openSqliteDatabase({ path: join(folder.path, 'lake.db') })
  const mounts = {
    main: new LocalMount(join(folder.path, 'main')),
    other: new LocalMount(join(folder.path, 'other')),
  }
  const lake = await openLakeOver({ database, mounts }, wishes)
  return {
    ...lake,
    [Symbol.asyncDispose]: async () => {
      await lake[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
