import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type DatabaseUnderTest, opened } from '../database-under-test.ts'
import { aPhoto } from '../photo.ts'
import { type ClaimOrder, claimWorkerModule } from './claim-worker.ts'

const run = promisify(execFile)
const code = `
  const [module, work, order] = process.argv.slice(1)
  const worker = await import(module)
  process.stdout.write(JSON.stringify(await worker[work](JSON.parse(order))))
`

async function inProcess(
  work: 'claimAll' | 'insertAll',
  order: ClaimOrder,
): Promise<readonly string[]> {
  const flags = [...process.execArgv, '--input-type=module', '--eval', code]
  const { stdout } = await run(process.execPath, [
    ...flags,
    claimWorkerModule,
    work,
    JSON.stringify(order),
  ])
  return JSON.parse(stdout) as string[]
}

/** Several processes at one database. */
export function describeProcesses(driver: DatabaseUnderTest): void {
  const { otherProcesses } = driver
  // What no other process can open has nothing to prove here, so it is no skipped test either.
  if (otherProcesses === undefined) return
  describe('several processes', () => {
    test('claim each document once, and lose no change to one that they share', async () => {
      await using place = await driver.place()
      await using lake = await opened(driver, place.address)
      await lake.photos.insertMany(Array.from({ length: 401 }, (_, number) => aPhoto(number)))
      await lake.photos.update(aPhoto(0).photo_id, { set: { status: 'done' } })
      const { module, call, argument } = otherProcesses
      const workers = ['a', 'b', 'c', 'd']
      const claims = await Promise.all(
        workers.map((worker) =>
          inProcess('claimAll', {
            module,
            call,
            argument: argument(place.address),
            worker,
            workers: workers.length,
          }),
        ),
      )
      expect(claims.flat()).toHaveLength(400)
      expect(new Set(claims.flat()).size).toBe(400)
      const shared = await lake.photos.get(aPhoto(0).photo_id)
      expect(shared.views).toBe(400)
      expect(shared.notes.toSorted()).toEqual(claims.flat().toSorted())
      // Each was at work: none found everything taken.
      expect(Math.min(...claims.map(({ length }) => length))).toBeGreaterThan(0)
      expect(await lake.photos.count({ status: 'done' })).toBe(401)
    })

    test('insert each unique value once, 32 writers in each of two', async () => {
      await using place = await driver.place()
      await using lake = await opened(driver, place.address)
      await lake.photos.insert(aPhoto(0))
      const { module, call, argument } = otherProcesses
      const order = { module, call, argument: argument(place.address), workers: 2 }
      const won = await Promise.all(
        ['a', 'b'].map((worker) => inProcess('insertAll', { ...order, worker })),
      )
      const stored = await lake.photos.find({ number: { $gt: 0 } })
      expect(won.flat().toSorted()).toEqual(stored.map(({ photo_id }) => photo_id).toSorted())
      expect(new Set(stored.map(({ title }) => title)).size).toBe(stored.length)
      expect(stored).toHaveLength(160)
    })
  })
}
