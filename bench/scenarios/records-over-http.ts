import { join } from 'node:path'
import { connectLake } from '@mindtrace/client'
import { openLake, openLakeDatabase } from '@mindtrace/datalake'
import { serveMindtrace } from '../cli-process.ts'
import { type Comparison, peakMemory, timesOf } from '../comparison.ts'
import {
  annotationRecords,
  insertRecords,
  labelCount,
  recordCount,
  scatteredKey,
} from '../record-data.ts'
import { type Measurement, percentile, type Scenario } from '../scenario.ts'

type Lake = ReturnType<typeof connectLake>

const pageSize = 100
const pagesAtDepth = 200
const longestPage = 500

/** The records of a large lake behind the service. */
export const recordsOverHttp: Scenario = {
  name: 'A million records over HTTP',
  about:
    'The same 1,000,000 records in SQLite behind `mindtrace serve`, a process of its own, asked by the client one call after another. Baseline: the same task in process, asked in turn. Times are p95.',
  async run({ folder, shrink }) {
    const count = Math.round(recordCount / shrink)
    const lakeFolder = join(folder, 'records')
    await (await openLake(lakeFolder))[Symbol.asyncDispose]()
    {
      await using database = await openLakeDatabase(`sqlite:${join(lakeFolder, 'lake.db')}`)
      await insertRecords(database.repository(annotationRecords()), 0, count)
    }
    await using service = await serveMindtrace(['--lake', lakeFolder], 18_437)
    await using remote = connectLake(service.address)
    await using local = await openLake(lakeFolder)
    const measured: Measurement[] = []
    for (const { budgetMs, ...one } of await comparisons(remote, local, count)) {
      const times = await timesOf(one)
      const value = percentile(times.ours, 0.95)
      measured.push({
        what: `${one.what}, p95`,
        value,
        unit: 'ms',
        baseline: { name: 'in process', value: percentile(times.bare, 0.95) },
        budget: { text: `< ${budgetMs} ms`, kept: value < budgetMs },
      })
    }
    measured.push(peakMemory('peak memory of the service', service.peakMiB()))
    return measured
  },
}

async function comparisons(remote: Lake, local: Lake, count: number) {
  const both = (
    budgetMs: number,
    what: string,
    runs: number,
    ask: (lake: Lake, run: number) => Promise<unknown>,
  ): Comparison & { readonly budgetMs: number } => ({
    budgetMs,
    what,
    runs,
    ours: (run) => ask(remote, run),
    bare: (run) => ask(local, run),
  })
  const pages = await Promise.all(
    [0, 0.5, 0.99].map(async (share) => {
      const cursors = await cursorsAt(local, share, count)
      return both(
        8,
        `page of ${pageSize} at depth ${share * 100} %`,
        pagesAtDepth,
        async (lake, run) => {
          const cursor = cursors[run % cursors.length] ?? null
          const { items } = await lake.annotationRecords.listPage({ limit: pageSize, cursor })
          return items.map(({ annotation_id }) => annotation_id)
        },
      )
    }),
  )
  return [
    both(3, 'get by key', 2000, async (lake, run) => {
      const { annotation_record } = await lake.annotationRecords.get({
        id: scatteredKey(run, count),
      })
      return annotation_record.annotation_id
    }),
    ...pages,
    both(30, 'filter + count, with the first match', 200, async (lake, run) => {
      const filters = { label: `label_${run % labelCount}` }
      const input = { filters, limit: 1, include_total: true }
      return (await lake.annotationRecords.listPage(input)).page.total_count
    }),
    both(100, 'label histogram', 40, (lake) =>
      lake.lake.facets({ resource: 'annotation_records', by: 'label' }),
    ),
  ]
}

/** Cursors of pages up to a depth, found by walking there. */
async function cursorsAt(lake: Lake, share: number, count: number): Promise<(string | null)[]> {
  if (share === 0) return [null]
  const end = Math.floor(count * share)
  const begin = end - pagesAtDepth * pageSize
  const cursors: string[] = []
  let cursor: string | null = null
  for (let passed = 0; passed < end; ) {
    const limit = passed < begin ? longestPage : pageSize
    const { page } = await lake.annotationRecords.listPage({ limit, cursor })
    cursor = page.next_cursor
    if (cursor === null) break
    passed += limit
    if (passed >= begin) cursors.push(cursor)
  }
  return cursors
}
