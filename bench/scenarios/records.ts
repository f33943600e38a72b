import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { openLakeDatabase } from '@mindtrace/datalake'
import { besideBare, type Comparison, insertRate, peakMemory } from '../comparison.ts'
import { peakOfOurHalf } from '../our-half.ts'
import {
  annotationRecords,
  type BenchRecord,
  batchSize,
  insertRecords,
  labelCount,
  placeAt,
  recordCount,
  recordOf,
  recordsName,
  scatteredKey,
} from '../record-data.ts'
import type { Measurement, Scenario } from '../scenario.ts'

const pageSize = 100
const sort = ['-created_at', '-annotation_id']
const name = recordsName
const baseline = 'bare node:sqlite'

/** The records of a large lake in SQLite, beside the bare driver. */
export const manyRecords: Scenario = {
  name: 'A million records',
  about:
    '1,000,000 annotation records (0.5 kB, 80 labels) in SQLite, in process. Baseline: bare `node:sqlite` on the same file with the same indexes and kept counts, with JSON.parse; its inserts in transactions of 1000 as well. Times are p95; blocks are the longest that the event loop waited while the call ran.',
  async run({ folder, shrink }) {
    const count = Math.round(recordCount / shrink)
    return await onSqlite(folder, count)
  },
}

async function onSqlite(folder: string, count: number): Promise<Measurement[]> {
  const path = join(folder, 'records.db')
  const bareRate = await insertBare(join(folder, 'bare.db'), count)
  const rate = await insertOurs(path, count)
  const measured = [insertRate(baseline, rate, bareRate)]
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
            const { created_at, annotation_id } = placeAt(share, run, count)
            const after = { created_at, annotation_id }
            return (await repository.find({}, { sort, limit: pageSize, after })).length
          },
          bare: (run) => {
            const { created_at, annotation_id } = placeAt(share, run, count)
            return parsed(deep.all(created_at, annotation_id)).length
          },
        }
  }
  const scattered = (run: number) => scatteredKey(run, count)
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
      ours: (run) => repository.count({ label: `label_${run % labelCount}` }),
      bare: (run) => Number(counted.get(`label_${run % labelCount}`)?.n),
    },
    {
      what: 'label histogram',
      runs: 20,
      ours: async () => (await repository.countBy('label')).size,
      bare: () => grouped.all().length,
    },
  ]
  for (const one of comparisons) measured.push(await besideBare(baseline, one))
  bare.close()

  const blocking: [string, () => Promise<unknown>][] = [
    ['count without an index', () => repository.count({ score: 0.5 })],
    ['search that finds nothing', () => repository.findOne({ 'metadata.file': 'none' })],
    ['histogram without an index', () => repository.countBy('score')],
    ['update of one', () => repository.update(scattered(1), { set: { score: 0.5 } })],
    ['insert of 10,000', () => insertRecords(repository, count, count + 10_000)],
    ['delete of 12,500', () => repository.deleteMany({ label: 'label_9' })],
    ['integrity check', () => database.check()],
    ['drop', () => database.drop()],
  ]
  for (const [what, work] of blocking) measured.push(await longestBlock(what, work))
  const alone = await peakOfOurHalf(`sqlite:${join(folder, 'alone.db')}`, count)
  measured.push(peakMemory('peak memory of a process that does our half', alone))
  return measured
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

async function insertOurs(path: string, count: number): Promise<number> {
  await using database = await openLakeDatabase(`sqlite:${path}`)
  const startedAt = performance.now()
  await insertRecords(database.repository(annotationRecords()), 0, count)
  return (count / (performance.now() - startedAt)) * 1000
}

/** The same rows into the same table with the same indexes, as our file has them. */
async function insertBare(path: string, count: number): Promise<number> {
  await (await openLakeDatabase(`sqlite:${path}`))[Symbol.asyncDispose]()
  const bare = new DatabaseSync(path)
  bare.exec('PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384')
  const insert = bare.prepare(`INSERT INTO ${name} (doc) VALUES (jsonb(?))`)
  const startedAt = performance.now()
  for (let at = 0; at < count; at += batchSize) {
    bare.exec('BEGIN IMMEDIATE')
    for (let one = at; one < Math.min(count, at + batchSize); one += 1) {
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
