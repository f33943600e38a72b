import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { lakeCollections, openLakeDatabase } from '@mindtrace/datalake'
import { type Measurement, percentile, type Scenario } from '../scenario.ts'

const records = 1_000_000
const batch = 1000
const pageSize = 100
const sort = ['-created_at', '-annotation_id']
const name = 'datalake_annotation_records'

/** The records of a large lake, on each database beside its bare driver. */
export const manyRecords: Scenario = {
  name: 'A million records',
  about:
    '1,000,000 annotation records (0.5 kB, 80 labels) in SQLite, in process. Baseline: bare `node:sqlite` on the same file and the same indexes, with JSON.parse; its inserts in transactions of 1000 as well. Times are p95; blocks are the longest that the event loop waited while the call ran.',
  async run({ folder, shrink }) {
    const count = Math.round(records / shrink)
    return await onSqlite(folder, count)
  },
}

async function onSqlite(folder: string, count: number): Promise<Measurement[]> {
  const path = join(folder, 'records.db')
  const bareRate = await insertBare(join(folder, 'bare.db'), count)
  const rate = await insertOurs(path, count)
  const measured: Measurement[] = [
    {
      what: 'bulk insert',
      value: rate,
      unit: 'records/s',
      baseline: { name: 'bare node:sqlite', value: bareRate },
      budget: { text: '≥ 0.6×', kept: rate >= 0.6 * bareRate },
    },
  ]
  await using database = await openLakeDatabase(`sqlite:${path}`, { create: false })
  const repository = database.repository(annotationRecords())
  const bare = new DatabaseSync(path, { readOnly: true })
  bare.exec('PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY')
  const parsed = (rows: readonly Record<string, unknown>[]) =>
    rows.map(({ doc }) => JSON.parse(doc as string) as BenchRecord)
  const created = field('created_at')
  const key = field('annotation_id')
  const ordered = `ORDER BY ${created} DESC, ${key} DESC LIMIT ${pageSize}`
  const first = bare.prepare(`SELECT json(doc) AS doc FROM ${name} ${ordered}`)
  const deep = bare.prepare(
    `SELECT json(doc) AS doc FROM ${name} WHERE (${created}) <= ?1 AND ((${created}) < ?1 OR (${key}) < ?2) ${ordered}`,
  )
  const get = bare.prepare(`SELECT json(doc) AS doc FROM ${name} WHERE (${key}) = ?`)
  const counted = bare.prepare(`SELECT count(*) AS n FROM ${name} WHERE (${field('label')}) = ?`)
  const grouped = bare.prepare(
    `SELECT ${field('label')} AS label, count(*) AS n FROM ${name} GROUP BY 1`,
  )
  const page = (share: number): Comparison => {
    // Each run a place of its own near the depth.
    const place = (run: number) => recordOf(Math.floor((count - 1) * (1 - share)) - run)
    return share === 0
      ? {
          what: `page of ${pageSize} at depth 0`,
          runs: 200,
          ours: async () => (await repository.find({}, { sort, limit: pageSize })).length,
          bare: () => parsed(first.all()).length,
        }
      : {
          what: `page of ${pageSize} at depth ${share * 100} %`,
          runs: 200,
          ours: async (run) => {
            const { created_at, annotation_id } = place(run)
            const after = { created_at, annotation_id }
            return (await repository.find({}, { sort, limit: pageSize, after })).length
          },
          bare: (run) => {
            const { created_at, annotation_id } = place(run)
            return parsed(deep.all(created_at, annotation_id)).length
          },
        }
  }
  const scattered = (run: number) => recordOf((run * 7919) % count).annotation_id
  const comparisons: Comparison[] = [
    {
      what: 'get by key',
      runs: 5000,
      ours: async (run) => annotationRecords().keyOf(await repository.get(scattered(run))),
      bare: (run) => parsed([get.get(scattered(run)) ?? {}])[0]?.annotation_id,
    },
    page(0),
    page(0.5),
    page(0.99),
    {
      what: 'filter + count',
      runs: 200,
      ours: (run) => repository.count({ label: `label_${run % 80}` }),
      bare: (run) => Number(counted.get(`label_${run % 80}`)?.n),
    },
    {
      what: 'label histogram',
      runs: 20,
      ours: async () => (await repository.countBy('label')).size,
      bare: () => grouped.all().length,
    },
  ]
  for (const one of comparisons) measured.push(await compare(one))
  bare.close()

  const blocking: [string, () => Promise<unknown>][] = [
    ['count without an index', () => repository.count({ kind: 'bbox' })],
    ['search that finds nothing', () => repository.findOne({ 'metadata.file': 'none' })],
    ['histogram without an index', () => repository.countBy('kind')],
    ['update of one', () => repository.update(scattered(1), { set: { score: 0.5 } })],
    ['insert of 10,000', () => insertRange(repository, count, count + 10_000)],
    ['delete of 12,500', () => repository.deleteMany({ label: 'label_9' })],
    ['integrity check', () => database.check()],
    ['drop', () => database.drop()],
  ]
  for (const [what, work] of blocking) measured.push(await longestBlock(what, work))
  const peakMiB = process.resourceUsage().maxRSS / 1024
  measured.push({
    what: 'peak memory of the process',
    value: peakMiB,
    unit: 'MiB',
    budget: { text: '< 400 MB', kept: peakMiB < 400e6 / 2 ** 20 },
  })
  return measured
}

/** The same question to our driver and to the bare one. */
interface Comparison {
  readonly what: string
  readonly runs: number
  readonly ours: (run: number) => Promise<unknown>
  readonly bare: (run: number) => unknown
}

async function compare({ what, runs, ours, bare }: Comparison): Promise<Measurement> {
  const times = { ours: [] as number[], bare: [] as number[] }
  for (let run = 0; run < runs; run += 1) {
    const startedAt = performance.now()
    const answer = await ours(run)
    const between = performance.now()
    const expected = bare(run)
    times.bare.push(performance.now() - between)
    times.ours.push(between - startedAt)
    if (answer !== expected || expected === undefined) {
      throw new Error(`${what}: ${answer}, and the bare driver has ${expected}`)
    }
  }
  const value = percentile(times.ours, 0.95)
  const baseline = percentile(times.bare, 0.95)
  return {
    what: `${what}, p95`,
    value,
    unit: 'ms',
    baseline: { name: 'bare node:sqlite', value: baseline },
    budget: { text: '≤ 1.5×', kept: value <= 1.5 * baseline },
  }
}

async function longestBlock(what: string, work: () => Promise<unknown>): Promise<Measurement> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  const value = delay.max / 1e6
  return {
    what: `longest block: ${what}`,
    value,
    unit: 'ms',
    budget: { text: '< 50 ms', kept: value < 50 },
  }
}

function annotationRecords() {
  const found = lakeCollections.find((collection) => collection.name === name)
  if (found === undefined) throw new Error(`a lake has no collection ${name}`)
  return found
}

type BenchRecord = ReturnType<typeof recordOf>

type Repository = ReturnType<Awaited<ReturnType<typeof openLakeDatabase>>['repository']>

async function insertRange(repository: Repository, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += batch) {
    const size = Math.min(batch, to - at)
    await repository.insertMany(Array.from({ length: size }, (_, offset) => recordOf(at + offset)))
  }
}

async function insertOurs(path: string, count: number): Promise<number> {
  await using database = await openLakeDatabase(`sqlite:${path}`)
  const startedAt = performance.now()
  await insertRange(database.repository(annotationRecords()), 0, count)
  return (count / (performance.now() - startedAt)) * 1000
}

/** The same rows into the same table with the same indexes, as our file has them. */
async function insertBare(path: string, count: number): Promise<number> {
  await (await openLakeDatabase(`sqlite:${path}`))[Symbol.asyncDispose]()
  const bare = new DatabaseSync(path)
  bare.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384')
  const insert = bare.prepare(`INSERT INTO ${name} (doc) VALUES (jsonb(?))`)
  const startedAt = performance.now()
  for (let at = 0; at < count; at += batch) {
    bare.exec('BEGIN IMMEDIATE')
    for (let one = at; one < Math.min(count, at + batch); one += 1) {
      insert.run(JSON.stringify(recordOf(one)))
    }
    bare.exec('COMMIT')
  }
  const rate = (count / (performance.now() - startedAt)) * 1000
  bare.close()
  await rm(path)
  return rate
}

function field(path: string): string {
  return `doc ->> '$."${path}"'`
}

/** The record of that number: its key is scattered, its time follows the number. */
function recordOf(number: number) {
  const hex = createHash('md5').update(String(number)).digest('hex')
  const asset = createHash('md5')
    .update(`asset ${Math.floor(number / 10)}`)
    .digest('hex')
  const created_at = new Date(Date.UTC(2026, 0, 1) + number).toISOString()
  return {
    annotation_id: `annotation_${hex}`,
    subject: { kind: 'asset', id: `asset_${asset}` },
    kind: 'bbox',
    label: `label_${(number * 7919) % 80}`,
    label_id: null,
    score: (number % 1000) / 1000,
    source: { type: 'human', name: 'bench', version: null, metadata: {} },
    geometry: { type: 'bbox', x: number % 640, y: number % 480, width: 20.5, height: 33.25 },
    attributes: {},
    metadata: { file: `image_${number}.jpg` },
    created_at,
    updated_at: created_at,
  }
}
