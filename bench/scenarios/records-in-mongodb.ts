import { openLakeDatabase } from '@mindtrace/datalake'
import { MongodProcess } from '@mindtrace/tests/servers/mongod-process'
import { mongodProgram } from '@mindtrace/tests/servers/mongodb'
import mongoose from 'mongoose'
import { besideBare, type Comparison, insertRate, peakMemory } from '../comparison.ts'
import { peakOfOurHalf } from '../our-half.ts'
import {
  annotationRecords,
  type BenchRecord,
  batchSize,
  labelCount,
  placeAt,
  type RecordRepository,
  recordCount,
  recordsFrom,
  recordsName,
  scatteredKey,
} from '../record-data.ts'
import type { Measurement, Scenario } from '../scenario.ts'

type Native = mongoose.mongo.Collection

const baseline = 'bare mongodb'
const pageSize = 100
const sort = ['-created_at', '-annotation_id']
const order = { created_at: -1, annotation_id: -1 } as const

/** The records of a large lake in MongoDB, beside the bare driver. */
export const recordsInMongodb: Scenario = {
  name: 'A million records in MongoDB',
  about:
    'The same 1,000,000 records in a replica set of one member (0.5 GB of cache), in process. Baseline: the bare `mongodb` driver on the same documents and indexes; its inserts in unordered batches of 1000, acknowledged by the majority as well. Both are asked in turn; times are p95.',
  async run({ shrink }) {
    const count = Math.round(recordCount / shrink)
    await using server = await startServer()
    await using database = await openLakeDatabase(server.address)
    const repository = database.repository(annotationRecords())
    const { native } = server
    const { ours, bare } = await insertBoth(repository, server, count)
    const measured: Measurement[] = [insertRate(baseline, ours, bare)]
    for (const one of comparisons(repository, native, count)) {
      measured.push(await besideBare(baseline, one))
    }
    const alone = await peakOfOurHalf(server.address.replace('/lake?', '/alone?'), count)
    measured.push(peakMemory('peak memory of a process that does our half', alone))
    return measured
  },
}

async function startServer() {
  await using stack = new AsyncDisposableStack()
  const mongod = stack.use(
    await MongodProcess.start({ program: await program(), replicaSet: 'bench' }),
  )
  const address = mongod.url.replace('/?', '/lake?')
  const client = stack.adopt(await new mongoose.mongo.MongoClient(address).connect(), (one) =>
    one.close(),
  )
  const kept = stack.move()
  return {
    address,
    native: client.db('lake').collection(recordsName),
    beside: client.db('bare').collection(recordsName),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function program(): Promise<string> {
  const given = process.env[mongodProgram.variable]
  if (given !== undefined && given !== '') return given
  for (const rung of mongodProgram.rungs) {
    const found = await rung().catch(() => undefined)
    if (found !== undefined) return found.value
  }
  throw new Error(mongodProgram.without)
}

/** Ours into the lake, the bare driver's into a collection beside it with the same indexes, batch by batch in turn. */
async function insertBoth(
  repository: RecordRepository,
  { native, beside }: { readonly native: Native; readonly beside: Native },
  count: number,
) {
  const indexes = await native.indexes({ full: true })
  for (const { key, name, unique } of indexes.filter((one) => one.name !== '_id_')) {
    await beside.createIndex(key, { name: String(name), unique: unique === true })
  }
  const ms = { ours: 0, bare: 0 }
  const timed = async (of: keyof typeof ms, work: () => Promise<unknown>) => {
    const startedAt = performance.now()
    await work()
    ms[of] += performance.now() - startedAt
  }
  for (let from = 0; from < count; from += batchSize) {
    const records = recordsFrom(from, Math.min(count, from + batchSize))
    const documents = records.map(documentOf)
    const options = { ordered: false, writeConcern: { w: 'majority' } } as const
    const turns = [
      () => timed('ours', () => repository.insertMany(records)),
      () => timed('bare', () => beside.insertMany(documents, options)),
    ]
    for (const turn of from % (2 * batchSize) === 0 ? turns : turns.toReversed()) await turn()
  }
  await beside.drop()
  return { ours: (count / ms.ours) * 1000, bare: (count / ms.bare) * 1000 }
}

function documentOf(record: BenchRecord) {
  const { created_at, updated_at } = record
  return { ...record, created_at: new Date(created_at), updated_at: new Date(updated_at) }
}

function comparisons(repository: RecordRepository, native: Native, count: number): Comparison[] {
  const page = (share: number): Comparison => ({
    what: `page of ${pageSize} at depth ${share === 0 ? '0' : `${share * 100} %`}`,
    runs: 400,
    ours: async (run) => {
      const after = share === 0 ? undefined : placeAt(share, run, count)
      return (await repository.find({}, { sort, limit: pageSize, after })).map(idOf)
    },
    bare: async (run) => {
      const filter = share === 0 ? {} : before(placeAt(share, run, count))
      const found = native.find(filter, { sort: order, limit: pageSize })
      return (await found.toArray()).map(idOf)
    },
  })
  return [
    {
      what: 'get by key',
      runs: 5000,
      ours: async (run) => idOf(await repository.get(scatteredKey(run, count))),
      bare: async (run) => {
        const found = await native.findOne({ annotation_id: scatteredKey(run, count) })
        return found && idOf(found)
      },
    },
    page(0),
    page(0.5),
    page(0.99),
    {
      what: 'filter + count',
      runs: 200,
      ours: (run) => repository.count({ label: `label_${run % labelCount}` }),
      bare: (run) => native.countDocuments({ label: `label_${run % labelCount}` }),
    },
    {
      what: 'label histogram',
      runs: 20,
      ours: async () => (await repository.countBy('label')).size,
      bare: async () => {
        const groups = native.aggregate([{ $group: { _id: '$label', n: { $sum: 1 } } }])
        return (await groups.toArray()).length
      },
    },
  ]
}

/** What comes after a place, newest first. */
function before({ created_at, annotation_id }: ReturnType<typeof placeAt>) {
  const at = new Date(created_at)
  return {
    $or: [{ created_at: at, annotation_id: { $lt: annotation_id } }, { created_at: { $lt: at } }],
  }
}

function idOf(document: object): string {
  return annotationRecords().keyOf(document)
}
