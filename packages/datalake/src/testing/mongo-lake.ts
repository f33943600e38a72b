import type { Lake } from '@mindtrace/contract'
import { openMongoDatabase } from '@mindtrace/database/mongo'
import { type DatabasePlace, mongoPlace } from '@mindtrace/database/testing'
import { MemoryMount } from '@mindtrace/registry/memory'
import { lakeCollections } from '../records/records.ts'
import type { LakeWishes } from './lake-under-test.ts'
import { openLakeOver } from './local-lakes.ts'

/** Lakes whose records are in databases of one MongoDB server; disposing it drops these. */
export class MongoLakes implements AsyncDisposable {
  readonly #server: string
  /** Left by lakes that are closed: to empty one is much quicker than to make its indexes. */
  readonly #free = new Set<DatabasePlace>()

  constructor(server: string) {
    this.#server = server
  }

  /** Opens an empty lake. */
  async open(wishes?: LakeWishes): Promise<Lake> {
    const [place = mongoPlace(this.#server)] = this.#free
    this.#free.delete(place)
    const database = await openMongoDatabase({ url: place.address })
    await database.init(lakeCollections)
    await database.drop()
    const mounts = { main: new MemoryMount(), other: new MemoryMount() }
    const lake = await openLakeOver({ database, mounts }, wishes)
    return {
      ...lake,
      [Symbol.asyncDispose]: async () => {
        await lake[Symbol.asyncDispose]()
        this.#free.add(place)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const place of this.#free) await place[Symbol.asyncDispose]()
  }
}
