import { bytesOf, type CallOptions, type Clock, isMindtraceError } from '@mindtrace/core'
import type { MountObject, ObjectMount } from '../../mount.ts'
import type { ObjectId } from '../layout.ts'
import { planFolder } from './payload-keys.ts'

/** A write that is about to be: an object, and the folder of its payload. */
export interface PlannedWrite {
  readonly id: ObjectId
  readonly uuid: string
}

/** What a plan says, as far as it can be read. */
export interface CommitPlan {
  /** Milliseconds since 1970; 0 when it does not say. */
  readonly expiresAt: number
  readonly uuids: readonly string[]
}

const planLifeMs = 60 * 60 * 1000
const limitBytes = 16 * 1024 * 1024

/**
 * What is about to be stored or deleted is written down first, so that it can be found if nobody ends it:
 * `_staging/<name, escaped>/<version>/<uuid>.json`, or `_staging/_groups/1/<uuid>.json` for a group.
 *
 * @see registry.md 11.4
 */
export class CommitPlans {
  readonly #mount: ObjectMount
  readonly #clock: Clock

  constructor(mount: ObjectMount, clock: Clock) {
    this.#mount = mount
    this.#clock = clock
  }

  /** Writes a plan of at least one write; gives its key. It is good for an hour unless `lifeMs` says more. */
  async write(
    writes: readonly PlannedWrite[],
    options: CallOptions & { readonly lifeMs?: number | undefined } = {},
  ): Promise<string> {
    const [only] = writes.length === 1 ? writes : []
    const uuid = only?.uuid ?? crypto.randomUUID()
    const expiry = Date.parse(this.#clock.now()) + (options.lifeMs ?? planLifeMs)
    const expires_at = `${new Date(expiry).toISOString().slice(0, 23)}000+00:00`
    const objects = writes.map(({ id: { name, version }, uuid }) => ({ name, version, uuid }))
    const plan = only === undefined ? { uuid, expires_at, objects } : { ...objects[0], expires_at }
    const place = only === undefined ? '_groups/1' : planFolder(only.id)
    const key = `_staging/${place}/${uuid}.json`
    await this.#mount.write(key, new TextEncoder().encode(JSON.stringify(plan)), {
      signal: options.signal,
      contentType: 'application/json',
    })
    return key
  }

  /** Removes a plan that is over. If it can't be, the next collection does. */
  async forget(key: string): Promise<void> {
    await this.#mount.deleteMany([key]).catch(() => {})
  }

  /** All plans there are. */
  list(options: CallOptions): AsyncIterable<MountObject> {
    return this.#mount.list('_staging/', options)
  }

  /** Undefined when it is gone, or no plan. */
  async read(key: string, options: CallOptions): Promise<CommitPlan | undefined> {
    try {
      const { body } = await this.#mount.read(key, { signal: options.signal })
      const text = new TextDecoder().decode(await bytesOf(body, limitBytes))
      const { uuid, objects, expires_at } = JSON.parse(text) as Record<string, unknown>
      const uuids = Array.isArray(objects) ? objects.map((object) => object?.uuid) : [uuid]
      return {
        expiresAt: Date.parse(String(expires_at)) || 0,
        uuids: uuids.filter((each) => typeof each === 'string'),
      }
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND') || error instanceof SyntaxError) return undefined
      throw error
    }
  }
}
