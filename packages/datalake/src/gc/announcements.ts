import { setTimeout as sleep } from 'node:timers/promises'
import { type CallOptions, isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { LakeParts } from '../lake-parts.ts'
import type { Records } from '../records/records.ts'

/** The key of an object in {@link Records.condemnedPayloads}. */
export function objectKey(mount: string, name: string): string {
  return `${mount}/${name}`
}

/**
 * A collection holds an object condemned for less than `deleteWithinMs` (`collect-objects.ts`). One that has not
 * let go after this time has crashed.
 */
const crashedAfterMs = 120_000
const pollMs = 25

/**
 * What one writer announces: names of objects that it stores, or finds stored already, and then refers to in
 * records. The other half of `collect-objects.ts`: the writer writes its announcement, then looks whether the
 * object is condemned; the collector condemns, then looks for announcements and references. Whichever comes
 * second sees the first, so an object that is found instead of stored can't go before its record is there.
 */
export class Announcements {
  readonly #parts: LakeParts
  readonly #ids: string[] = []

  constructor(parts: LakeParts) {
    this.#parts = parts
  }

  /** To be called before the objects are stored. Waits for a collection that is removing one of them. */
  async announce(mount: string, names: readonly string[], options: CallOptions): Promise<void> {
    if (names.length === 0) return
    const { records, clock } = this.#parts
    const announcement_id = newId('announcement')
    this.#ids.push(announcement_id)
    await records.announcedPayloads.insert(
      { announcement_id, mount, names: [...names], created_at: clock.now() },
      options,
    )
    const keys = names.map((name) => objectKey(mount, name))
    const startedMs = performance.now()
    for (;;) {
      const condemned = await records.condemnedPayloads.getMany(keys, options)
      if (condemned.size === 0) return
      if (performance.now() - startedMs > crashedAfterMs) {
        await records.condemnedPayloads.deleteMany(
          { object_key: { $in: [...condemned.keys()] } },
          options,
        )
      } else await sleep(pollMs, undefined, options)
    }
  }

  /**
   * Takes them back in the transaction that writes the records.
   *
   * @throws {@link MindtraceError} `UNAVAILABLE` when a collection has let one expire: what was found then may
   * be gone. The same call, made again, stores it again.
   */
  async fulfil(tx: Records): Promise<void> {
    if (this.#ids.length === 0) return
    const taken = await tx.announcedPayloads.deleteMany({ announcement_id: { $in: this.#ids } })
    if (taken === this.#ids.length) return
    throw new MindtraceError(
      'UNAVAILABLE',
      'this group took so long that its payloads were no longer waited for; send it again',
    )
  }

  /** Takes them back after a failure. What remains expires. */
  async withdraw(): Promise<void> {
    if (this.#ids.length === 0) return
    try {
      await this.#parts.records.announcedPayloads.deleteMany({
        announcement_id: { $in: this.#ids },
      })
    } catch (error) {
      if (!isMindtraceError(error)) throw error
      this.#parts.log.warn({ error }, 'announced payloads were not taken back; they expire')
    }
  }
}
