import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connectLake } from '@mindtrace/client'
import { openLake } from '@mindtrace/datalake'
import { serveMindtrace } from '../cli-process.ts'
import { percentile, type Scenario } from '../scenario.ts'

const assets = 100_000
const reads = 5_000
const startBudgetMs = 500
const readBudgetMs = 3

/** One asset by id, and the start of the service that answers. */
export const pointRead: Scenario = {
  name: 'Point read and start',
  about:
    'One asset by its id, one call after another, in a lake of 100,000 assets. Baseline: the same row by bare `node:sqlite` in process (get and JSON.parse).',
  async run({ folder, shrink }) {
    const lakeFolder = join(folder, 'assets')
    const ids = await fill(lakeFolder, Math.round(assets / shrink))
    const sample = Array.from(
      { length: Math.round(reads / shrink) },
      (_, index) => ids[(index * 7919) % ids.length] as string,
    )
    const bare = bareReads(join(lakeFolder, 'lake.db'), sample)
    const inProcess = await lakeReads(lakeFolder, sample)
    await using service = await serveMindtrace(['--lake', lakeFolder], 18_432)
    await using lake = connectLake(service.address)
    const overHttp = await timed(sample, (id) => lake.assets.get({ id }))
    const raw = await timed(sample, async (id) => {
      const answer = await fetch(`${service.address}/assets.get`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id }),
      })
      return await answer.text()
    })
    const starts = [service.startMs]
    for (let run = 0; run < 4; run += 1) {
      await using other = await serveMindtrace(['--lake', lakeFolder], 18_433 + run)
      starts.push(other.startMs)
    }
    const start = percentile(starts, 0.5)
    const baseline = { name: 'bare node:sqlite', value: percentile(bare, 0.95) }
    const p95 = percentile(overHttp, 0.95)
    return [
      {
        what: 'point read in process, p95',
        value: percentile(inProcess, 0.95),
        unit: 'ms',
        baseline,
      },
      {
        what: 'point read over HTTP by the client, p95',
        value: p95,
        unit: 'ms',
        baseline,
        budget: { text: '< 3 ms', kept: p95 < readBudgetMs },
      },
      {
        what: 'point read over HTTP by plain fetch, p95',
        value: percentile(raw, 0.95),
        unit: 'ms',
        baseline,
      },
      {
        what: 'start to the first answer, median of 5',
        value: start,
        unit: 'ms',
        budget: { text: '< 500 ms', kept: start < startBudgetMs },
      },
    ]
  },
}

/** Registers assets of which only the records matter. */
async function fill(folder: string, count: number): Promise<string[]> {
  await using lake = await openLake(folder)
  const { asset } = await lake.assets.createFromObject({
    name: 'shared',
    data_base64: '',
    kind: 'image',
    media_type: 'image/jpeg',
  })
  const ids: string[] = []
  for (let from = 0; from < count; from += 500) {
    const made = await Promise.all(
      Array.from({ length: Math.min(500, count - from) }, (_, offset) =>
        lake.assets.create({
          kind: 'image',
          media_type: 'image/jpeg',
          storage_ref: asset.storage_ref,
          metadata: { source_path: `image_${from + offset}.jpg`, width: 640, height: 480 },
        }),
      ),
    )
    ids.push(...made.map((one) => one.asset.asset_id))
  }
  return ids
}

function bareReads(file: string, ids: readonly string[]): number[] {
  const database = new DatabaseSync(file, { readOnly: true })
  const statement = database.prepare(
    `SELECT json(doc) AS doc FROM datalake_assets WHERE doc ->> '$."asset_id"' = ?`,
  )
  const times = ids.map((id) => {
    const startedAt = performance.now()
    const row = statement.get(id) as { doc: string } | undefined
    const asset = JSON.parse(row?.doc ?? 'null') as { asset_id: string } | null
    if (asset?.asset_id !== id) throw new Error(`bare read of ${id} found nothing`)
    return performance.now() - startedAt
  })
  database.close()
  return times
}

async function lakeReads(folder: string, ids: readonly string[]): Promise<number[]> {
  await using lake = await openLake(folder)
  return await timed(ids, (id) => lake.assets.get({ id }))
}

async function timed(
  ids: readonly string[],
  read: (id: string) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = []
  for (const id of ids) {
    const startedAt = performance.now()
    await read(id)
    times.push(performance.now() - startedAt)
  }
  return times
}
