import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { mapBounded } from '@mindtrace/core'
import { MongodProcess } from '@mindtrace/tests/servers/mongod-process'
import { mongodProgram } from '@mindtrace/tests/servers/mongodb'
import { serveMindtrace } from '../cli-process.ts'
import {
  boxesPerDatum,
  fillWithDataset,
  sampleBox,
  sampleDataset,
  sampleId,
} from '../dataset-data.ts'
import { jsonBody, PlainClient } from '../plain-client.ts'
import { provided, servePython } from '../python-service.ts'
import { type Measurement, percentile, type Scenario } from '../scenario.ts'

const datums = 5_000
const payloadBytes = 50_000
const recordsAdded = 1_000
const pageSize = 100
const inFlight = 16
const rounds = 3
const smallBytes = 10_000
const baseline = 'Python service'

/** Who answers, and how far it is in the story: ids differ, the data do not. */
interface Side {
  readonly address: string
  readonly client: PlainClient
  /** Objects that it has stored for the rows before. */
  readonly stored: unknown[]
  calls: number
}

/** One line of the table. */
interface Row {
  readonly task: string
  readonly what: string
  /** Calls of a round. */
  readonly ours: number
  readonly theirs: number
  readonly inFlight: number
  /** How many times the rate of the Python service is wanted. */
  readonly times: number
  input(side: Side, call: number): unknown
  /** Whether an answer is whole. Small ones are all looked at, of large ones the first of a round. */
  check(answer: Answer, side: Side): boolean
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of either service, looked at by a check
type Answer = any

/** Both services on one MongoDB, with the same documents, asked by the same client. */
export const besidePython: Scenario = {
  name: 'Beside the Python service',
  about: `\`mindtrace serve\` and the Python package's service on one MongoDB (replica set of one member) and a local mount each, on the same two cores, with the same documents: a dataset version of ${datums} datums with an image, a set and ${boxesPerDatum} boxes each. One plain keep-alive client asks both in turn, ${inFlight} requests in flight where the figure is a rate, one after another where it is a time (the median). Baseline: the Python service.`,
  async run({ folder, shrink }) {
    await using mongod = await MongodProcess.start({
      program: await provided(mongodProgram),
      replicaSet: 'bench',
    })
    const count = Math.round(datums / shrink)
    const addressOf = (name: string) => mongod.url.replace('/?', `/${name}?`)
    for (const name of ['ours', 'theirs']) await fillWithDataset(addressOf(name), count)
    const ourMount = `main=file:${join(folder, 'ours')}?mutable=true&version_objects=true`
    const lake = ['--lake', join(folder, 'lake'), '--database', addressOf('ours')]
    const serveOurs = () =>
      serveMindtrace([...lake, '--mount', ourMount, '--default-mount', 'main'], 18_451)
    const serveTheirs = () =>
      servePython({ database: addressOf('theirs'), folder: join(folder, 'theirs') })
    const starts = { ours: [] as number[], theirs: [] as number[] }
    for (let run = 0; run < 2; run += 1) {
      await using ours = await serveOurs()
      await using theirs = await serveTheirs()
      starts.ours.push(ours.startMs)
      starts.theirs.push(theirs.startMs)
    }
    await using ours = await serveOurs()
    await using theirs = await serveTheirs()
    starts.ours.push(ours.startMs)
    starts.theirs.push(theirs.startMs)
    using ourClient = new PlainClient(ours.address, inFlight)
    using theirClient = new PlainClient(theirs.address, inFlight)
    const sides = {
      ours: { address: ours.address, client: ourClient, stored: [], calls: 0 } satisfies Side,
      theirs: { address: theirs.address, client: theirClient, stored: [], calls: 0 } satisfies Side,
    }
    const measured: Measurement[] = []
    for (const row of rowsOf(count)) measured.push(await measure(row, sides, shrink))
    const [start, theirStart] = [percentile(starts.ours, 0.5), percentile(starts.theirs, 0.5)]
    measured.push(timeOf('start to the first answer, median of 3', start, theirStart, 20))
    return measured
  },
}

function rowsOf(count: number): readonly Row[] {
  const data_base64 = Buffer.alloc(payloadBytes, 'some bytes of a picture').toString('base64')
  const manifest = Array.from({ length: count }, (_, number) => sampleId('datum', number))
  return [
    {
      task: 'assets.create_from_object',
      what: 'of 50 KB',
      ours: 800,
      theirs: 100,
      inFlight,
      times: 10,
      input: (_side, call) => ({
        name: `new/image_${call}.jpg`,
        data_base64,
        kind: 'image',
        media_type: 'image/jpeg',
      }),
      check: ({ asset }, side) => {
        side.stored.push(asset.storage_ref)
        return asset.storage_ref.version === '1.0.0'
      },
    },
    {
      task: 'objects.get',
      what: 'of 50 KB',
      ours: 1500,
      theirs: 200,
      inFlight,
      times: 10,
      input: ({ stored }, call) => ({ storage_ref: stored[call % stored.length] }),
      check: (answer) => answer.data_base64 === data_base64,
    },
    {
      task: 'assets.get',
      what: 'by id',
      ours: 4000,
      theirs: 800,
      inFlight,
      times: 5,
      input: (_side, call) => ({ id: sampleId('asset', (call * 7919) % count) }),
      check: ({ asset }) => asset.size_bytes === payloadBytes,
    },
    {
      task: 'assets.list_page',
      what: `of ${pageSize}`,
      ours: 800,
      theirs: 150,
      inFlight,
      times: 5,
      input: () => ({ limit: pageSize, sort: 'created_desc', filters: {} }),
      check: ({ items, page }) => items.length === pageSize && page.has_more,
    },
    {
      task: 'annotation_records.add',
      what: 'of 1,000 records',
      ours: 6,
      theirs: 2,
      inFlight: 1,
      times: 20,
      input: (_side, call) => ({
        annotations: Array.from({ length: recordsAdded }, (_, number) => ({
          ...sampleBox(number),
          subject: { kind: 'asset', id: sampleId('asset', call % count) },
        })),
      }),
      check: ({ annotation_records }) => annotation_records.length === recordsAdded,
    },
    {
      task: 'dataset_versions.create',
      what: 'of 5,000 datums',
      ours: 5,
      theirs: 1,
      inFlight: 1,
      times: 20,
      input: (_side, call) => ({ dataset_name: 'made', version: `${call}.0.0`, manifest }),
      check: ({ dataset_version }) => dataset_version.manifest.length === count,
    },
    {
      task: 'dataset_versions.view_page',
      what: `of ${pageSize} with sets and records`,
      ours: 40,
      theirs: 15,
      inFlight: 1,
      times: 10,
      input: () => ({
        ...sampleDataset,
        limit: pageSize,
        expand: { assets: true, annotation_sets: true, annotation_records: true },
      }),
      check: ({ items }) =>
        items.length === pageSize &&
        items.every((item: Answer) =>
          Object.values(item.annotation_records).every(
            (records) => (records as unknown[]).length === boxesPerDatum,
          ),
        ),
    },
    {
      task: 'dataset_versions.resolve',
      what: 'of 5,000 datums',
      ours: 4,
      theirs: 1,
      inFlight: 1,
      times: 20,
      input: () => sampleDataset,
      check: ({ resolved_dataset_version }) => resolved_dataset_version.datums.length === count,
    },
  ]
}

/** A row, asked of both in turn. */
async function measure(
  row: Row,
  sides: { readonly ours: Side; readonly theirs: Side },
  shrink: number,
): Promise<Measurement> {
  const callsOf = (calls: number) => Math.max(1, Math.round(calls / shrink))
  // What is compiled, read or opened at the first request is no part of any.
  await ask(row, sides.ours, Math.min(row.ours, 2 * row.inFlight))
  await ask(row, sides.theirs, Math.min(row.theirs, row.inFlight))
  const taken = { ours: [] as number[][], theirs: [] as number[][] }
  const rates = { ours: [] as number[], theirs: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0
      ? (['ours', 'theirs'] as const)
      : (['theirs', 'ours'] as const)) {
      await wait(200)
      const calls = callsOf(row[name])
      const startedAt = performance.now()
      taken[name].push(await ask(row, sides[name], calls))
      rates[name].push((calls * 1000) / (performance.now() - startedAt))
    }
  }
  const what = `\`${row.task}\` ${row.what}`
  if (row.inFlight === 1) {
    const median = (times: number[][]) => percentile(times.flat(), 0.5)
    return timeOf(what, median(taken.ours), median(taken.theirs), row.times)
  }
  const [value, theirs] = [percentile(rates.ours, 0.5), percentile(rates.theirs, 0.5)]
  return {
    what,
    value,
    unit: 'calls/s',
    baseline: { name: baseline, value: theirs },
    budget: { text: `≥ ${row.times}×`, kept: value >= row.times * theirs },
  }
}

/** Sends calls, so many in flight; the milliseconds that each took. */
async function ask(row: Row, side: Side, calls: number): Promise<number[]> {
  const numbers = Array.from({ length: calls }, () => {
    side.calls += 1
    return side.calls
  })
  let looked = false
  return await mapBounded(numbers, row.inFlight, async (number) => {
    const body = jsonBody(row.input(side, number))
    const startedAt = performance.now()
    const answer = await side.client.post(row.task, body)
    const ms = performance.now() - startedAt
    if (!looked || answer.byteLength < smallBytes) {
      looked = true
      if (!row.check(JSON.parse(answer.toString()), side)) {
        throw new Error(`${row.task}: ${side.address} answered ${answer.toString().slice(0, 500)}`)
      }
    }
    return ms
  })
}

function timeOf(what: string, value: number, theirs: number, times: number): Measurement {
  return {
    what,
    value,
    unit: 'ms',
    baseline: { name: baseline, value: theirs },
    budget: { text: `≤ 1/${times}`, kept: value * times <= theirs },
  }
}
