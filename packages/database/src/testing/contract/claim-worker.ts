import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../database.ts'
import { Photos, photoId } from '../photo.ts'

/** Where this module lies, for the processes that run {@link claimAll}. */
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

/**
 * Claims until nothing is left, noting each claim in photo 0, and gives the keys claimed.
 *
 * @public Called by its name, in other processes.
 */
export async function claimAll(order: ClaimOrder): Promise<readonly string[]> {
  const driver = (await import(order.module)) as Record<
    string,
    (argument: unknown) => Promise<Database>
  >
  const open = driver[order.call]
  if (open === undefined) throw new Error(`${order.module} has no function ${order.call}`)
  await using database = await open(order.argument)
  await database.init([Photos])
  const photos = database.repository(Photos)
  await photos.update(photoId(0), { add: { tags: [order.worker] } })
  while ((await photos.get(photoId(0))).tags.length < order.workers) await sleep(2)
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
