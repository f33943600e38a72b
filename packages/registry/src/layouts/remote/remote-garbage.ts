import { type CallOptions, type Clock, inGroups, mapBounded } from '@mindtrace/core'
import type { MountObject, ObjectMount } from '../../mount.ts'
import { uploadsFolder } from '../../object-name.ts'
import type { Garbage } from '../layout.ts'
import type { CommitPlans } from './commit-plans.ts'
import { possibleOwners } from './payload-keys.ts'
import type { RemoteDocuments } from './remote-documents.ts'

/** Options of {@link RemoteGarbage.collect}. */
export interface CollectOptions extends CallOptions {
  readonly olderThanMs: number
  readonly dryRun?: boolean | undefined
}

const parallelReads = 16
const groupKeys = 1000

/** What crashed writers left: plans that are over, payloads that no document names, uploads of nobody. */
export class RemoteGarbage {
  readonly #mount: ObjectMount
  readonly #documents: RemoteDocuments
  readonly #plans: CommitPlans
  readonly #clock: Clock

  constructor(parts: {
    readonly mount: ObjectMount
    readonly documents: RemoteDocuments
    readonly plans: CommitPlans
    readonly clock: Clock
  }) {
    this.#mount = parts.mount
    this.#documents = parts.documents
    this.#plans = parts.plans
    this.#clock = parts.clock
  }

  async *collect(options: CollectOptions): AsyncGenerator<Garbage> {
    const before = Date.parse(this.#clock.now()) - options.olderThanMs
    const held = yield* this.#collectPlans(before, options)
    const old = olderThan(before, this.#mount.list('objects/', options))
    for await (const group of inGroups(old, groupKeys)) {
      const orphans = await this.#orphansAmong(group, held, options)
      if (options.dryRun !== true && orphans.length > 0) {
        await this.#mount.deleteMany(
          orphans.map(({ key }) => key),
          options,
        )
      }
      for (const { key, sizeBytes } of orphans) yield { key, sizeBytes }
    }
    const uploads = olderThan(before, this.#mount.list(`${uploadsFolder}/`, options))
    for await (const { key, sizeBytes } of uploads) {
      if (options.dryRun !== true) await this.#mount.delete(key, options)
      yield { key, sizeBytes }
    }
  }

  /** Removes plans that are over. Gives the uuids that plans of live writers hold. */
  async *#collectPlans(
    before: number,
    options: CollectOptions,
  ): AsyncGenerator<Garbage, Set<string>> {
    const held = new Set<string>()
    for await (const { key, sizeBytes, modifiedAt } of this.#plans.list(options)) {
      const plan = await this.#plans.read(key, options)
      const isOver = Date.parse(modifiedAt) <= before && (plan?.expiresAt ?? 0) <= before
      for (const uuid of isOver ? [] : (plan?.uuids ?? [])) held.add(uuid)
      if (!isOver) continue
      if (options.dryRun !== true) await this.#mount.delete(key, options)
      yield { key, sizeBytes }
    }
    return held
  }

  /** Payload files that no document names and no live writer holds. */
  async #orphansAmong(
    files: readonly MountObject[],
    held: ReadonlySet<string>,
    options: CallOptions,
  ): Promise<MountObject[]> {
    const isOwned = new Map<string, boolean>()
    for (const { key } of files) {
      for (const { folder } of possibleOwners(key)) isOwned.set(folder, false)
    }
    await mapBounded([...isOwned.keys()], parallelReads, async (folder) => {
      const [owner] = possibleOwners(`${folder}/-`).slice(-1)
      if (owner === undefined) return
      const isHeld = held.has(owner.uuid)
      const found = isHeld ? undefined : await this.#documents.read(owner.id, options)
      isOwned.set(folder, isHeld || found?.document._storage?.uuid === owner.uuid)
    })
    return files.filter(({ key }) => {
      const owners = possibleOwners(key)
      return owners.length > 0 && !owners.some(({ folder }) => isOwned.get(folder))
    })
  }
}

async function* olderThan(
  before: number,
  objects: AsyncIterable<MountObject>,
): AsyncGenerator<MountObject> {
  for await (const object of objects) {
    if (Date.parse(object.modifiedAt) <= before) yield object
  }
}
