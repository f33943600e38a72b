import { setTimeout as sleep } from 'node:timers/promises'
import { isMindtraceError } from '@mindtrace/core'
import type { Database } from '../../database.ts'
import { aPhoto, Photos, photoId } from '../photo.ts'

/** Where this module lies, for the processes that run {@link claimAll} and {@link insertAll}. */
export const claimWorkerModule = import.meta.url

/** What one of several processes at one database does. */
export interface ClaimOrder {
  /** How it opens the database: an exported function of a module, and its argument. */
  readonly module: string
  readonly call: string
  readonly argument: unknown
  readonly worker: string
  /** How many workers there are: none begins before all are there. */
  readonly workers: number
}

/** Opens the database and waits for the other workers; photo 0 says who is there. */
async function begun(order: ClaimOrder) {
  const driver = (await import(order.module)) as Record<
    string,
    (argument: unknown) => Promise<Database>
  >
  const open = driver[order.call]
  if (open === undefined) throw new Error(`${order.module} has no function ${order.call}`)
  const database = await open(order.argument)
  await database.init([Photos])
  const photos = database.repository(Photos)
  await photos.update(photoId(0), { add: { tags: [order.worker] } })
  while ((await photos.get(photoId(0))).tags.length < order.workers) await sleep(2)
  return { photos, [Symbol.asyncDispose]: () => database.close() }
}

/**
 * Claims until nothing is left, noting each claim in photo 0, and gives the keys claimed.
 *
 * @public Called by its name, in other processes.
 */
export async function claimAll(order: ClaimOrder): Promise<readonly string[]> {
  await using work = await begun(order)
  const { photos } = work
  const claimed: string[] = []
  for (;;) {
    const batch = await photos.claim(
      { status: 'pending' },
      { set: { status: 'claimed', claimed_by: order.worker } },
      { sort: ['created_at'], limit: 7 },
    )
    if (batch.length === 0) return claimed
    for (const { photo_id } of batch) {
      await photos.update(
        photo_id,
        { set: { status: 'done' } },
        { if: { claimed_by: order.worker } },
      )
      await photos.update(photoId(0), { inc: { views: 1 }, add: { notes: [photo_id] } })
      claimed.push(photo_id)
    }
  }
}

/**
 * Inserts photos that all workers insert, 32 at a time, each in another order; gives the keys that it won.
 *
 * @public Called by its name, in other processes.
 */
export async function insertAll(order: ClaimOrder): Promise<readonly string[]> {
  await using work = await begun(order)
  const { photos } = work
  const won: string[] = []
  for (let round = 0; round < 10; round += 1) {
    const writers = Array.from({ length: 32 }, async (_, writer) => {
      // Every key comes from both workers, and every title under two keys.
      const number = 1 + round * 16 + (writer >> 1)
      const key = `${photoId(number)}${writer % 2 === 0 ? '' : '_again'}`
      try {
        await photos.insert({ ...aPhoto(number), photo_id: key })
        won.push(key)
      } catch (error) {
        if (!isMindtraceError(error, 'DUPLICATE')) throw error
      }
    })
    await Promise.all(writers)
  }
  return won
}
