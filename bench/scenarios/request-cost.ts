import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { mapBounded } from '@mindtrace/core'
import { openLake } from '@mindtrace/datalake'
import { serveMindtrace } from '../cli-process.ts'
import { fillWithDataset, sampleId } from '../dataset-data.ts'
import { jsonBody, PlainClient } from '../plain-client.ts'
import { percentile, type Scenario } from '../scenario.ts'

const assets = 10_000
const calls = 10_000
const rounds = 5
const inFlight = 16
const ticksPerMs = 0.1
const bareScript = fileURLToPath(new URL('../bare-hono.ts', import.meta.url))

/** What a request costs besides its handler, and beside a server that does nothing else. */
export const requestCost: Scenario = {
  name: "A request's own cost",
  about: `\`assets.get\` by id from SQLite, ${inFlight} requests in flight over plain keep-alive connections. Baseline: the same row by bare \`node:sqlite\` in a bare Hono app on the same Node server, a process as well, asked in turn; median of ${rounds} rounds of ${calls}. Own cost: processor time of the service's process a request, user and system, less that of the same call in process.`,
  async run({ folder, shrink }) {
    const lakeFolder = join(folder, 'cost')
    await (await openLake(lakeFolder))[Symbol.asyncDispose]()
    const count = Math.round(assets / shrink)
    await fillWithDataset(`sqlite:${join(lakeFolder, 'lake.db')}`, count)
    await using service = await serveMindtrace(['--lake', lakeFolder], 18_471)
    await using bare = await serveBare(join(lakeFolder, 'lake.db'), 18_472)
    using ourClient = new PlainClient(service.address, inFlight)
    using bareClient = new PlainClient(bare.address, inFlight)
    const rates = { ours: [] as number[], bare: [] as number[] }
    const number = Math.round(calls / shrink)
    await rateOf(ourClient, number, count)
    await rateOf(bareClient, number, count)
    let spentMs = 0
    for (let round = 0; round < rounds; round += 1) {
      const askUs = async () => {
        const before = await processorMs(service.pid)
        rates.ours.push(await rateOf(ourClient, number, count))
        spentMs += (await processorMs(service.pid)) - before
      }
      if (round % 2 === 0) await askUs()
      rates.bare.push(await rateOf(bareClient, number, count))
      if (round % 2 === 1) await askUs()
    }
    const value = percentile(rates.ours, 0.5)
    const beside = percentile(rates.bare, 0.5)
    const handler = await handlerMs(lakeFolder, number, count)
    const own = spentMs / (rounds * number) - handler
    return [
      {
        what: 'point reads',
        value,
        unit: 'requests/s',
        baseline: { name: 'bare Hono', value: beside },
        budget: { text: '≥ 0.7×', kept: value >= 0.7 * beside },
      },
      {
        what: 'own cost of a request',
        value: own,
        unit: 'ms of a processor',
        baseline: { name: 'the handler', value: handler },
        budget: { text: '< 0.3 ms', kept: own < 0.3 },
      },
    ]
  },
}

async function rateOf(client: PlainClient, number: number, count: number): Promise<number> {
  const numbers = Array.from({ length: number }, (_, index) => index)
  const startedAt = performance.now()
  await mapBounded(numbers, inFlight, async (index) => {
    const id = sampleId('asset', (index * 7919) % count)
    const answer = await client.post('assets.get', jsonBody({ id }))
    if (!answer.includes(id)) throw new Error(`${id} is not in ${answer.toString()}`)
  })
  return (number * 1000) / (performance.now() - startedAt)
}

/** Processor time of the same call in this process, in milliseconds. */
async function handlerMs(lakeFolder: string, number: number, count: number): Promise<number> {
  await using lake = await openLake(lakeFolder)
  const ids = Array.from({ length: number }, (_, index) =>
    sampleId('asset', (index * 7919) % count),
  )
  for (const id of ids) await lake.assets.get({ id })
  const before = process.cpuUsage()
  for (const id of ids) await lake.assets.get({ id })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / number
}

/** What a process has used of the processors. @see proc_pid_stat(5), fields 14 and 15, counted after the name. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerMs
}

async function serveBare(file: string, port: number) {
  const address = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [bareScript, file, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const closed = once(child, 'close')
  for (;;) {
    const answered = await fetch(address).then(
      () => true,
      () => false,
    )
    if (answered) break
    if (child.exitCode !== null) throw new Error(`bare Hono ended with ${child.exitCode}`)
    await wait(2)
  }
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill()
      await closed
    },
  }
}
