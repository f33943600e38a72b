import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../database.ts'
import { Photos, photoId } from '../photo.ts'

/** What the parent asks for, as JSON in the first argument. */
interface Order {
  readonly module: string
  readonly call: string
  readonly argument: unknown
  readonly worker: string
  /** How many workers there are: none begins before all are there. */
  readonly workers: number
}

const { module, call, argument, worker, workers } = JSON.parse(process.argv[2] ?? '') as Order
const driver = (await import(module)) as Record<string, (argument: unknown) => Promise<Database>>
const database = await driver[call]?.(argument)
if (database === undefined) throw new Error(`${module} has no function ${call}`)
await database.init([Photos])
const photos = database.repository(Photos)
await photos.update(photoId(0), { add: { tags: [worker] } })
while ((await photos.get(photoId(0))).tags.length < workers) await sleep(2)
const claimed: string[] = []
for (;;) {
  const batch = await photos.claim(
    { status: 'pending' },
    { set: { status: 'claimed', claimed_by: worker } },
    { sort: ['created_at'], limit: 7 },
  )
  if (batch.length === 0) break
  for (const { photo_id } of batch) {
    await photos.update(photo_id, { set: { status: 'done' } }, { if: { claimed_by: worker } })
    await photos.update(photoId(0), { inc: { views: 1 }, add: { notes: [photo_id] } })
    claimed.push(photo_id)
  }
}
await database.close()
process.stdout.write(JSON.stringify(claimed))
