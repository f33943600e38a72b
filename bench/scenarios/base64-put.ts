import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connectLake } from '@mindtrace/client'
import { openLake } from '@mindtrace/datalake'
import { serveMindtrace } from '../cli-process.ts'
import { percentile, type Scenario } from '../scenario.ts'

const payloadMiB = 64
const puts = 4
const probeEveryMs = 5
const calls = 3_000

/** What a large body costs everybody else, and what keys and audit log cost each request. */
export const base64Put: Scenario = {
  name: 'Base64 bodies and keys',
  about:
    '`objects.put` of 64 MiB, four times, one after another, sent by a process of its own, while this one asks `GET /health` every 5 ms. Then 3,000 point reads and 3,000 `collections.create` by plain fetch, one after another, to the same lake without and with keys. Baseline: without keys, so without audit log.',
  async run({ folder, shrink }) {
    const lakeFolder = join(folder, 'base64')
    await (await openLake(lakeFolder))[Symbol.asyncDispose]()
    const count = Math.round(calls / shrink)
    const sizeMiB = Math.max(1, Math.round(payloadMiB / shrink))
    const open = await (async () => {
      await using service = await serveMindtrace(['--lake', lakeFolder], 18_441)
      // The first requests compile; a thread and a pool start.
      await send(service.address, 1, 1)
      const before = service.peakMiB()
      const sending = send(service.address, sizeMiB, puts)
      const probes = await probeUntil(service.address, sending)
      await wait(200)
      const growth = service.peakMiB() - before
      await using lake = connectLake(service.address)
      const head = await lake.streams.readObject({ mount: 'main', name: 'large' })
      await head.body.cancel()
      if (head.sizeBytes !== sizeMiB * 2 ** 20) throw new Error('another size was stored')
      return { probes, growth, ...(await timesOf(service.address, undefined, count)) }
    })()
    const apiKey = await makeKey(lakeFolder)
    await using service = await serveMindtrace(['--lake', lakeFolder], 18_442)
    const keyed = await timesOf(service.address, apiKey, count)
    const slowest = Math.max(...open.probes)
    const extra = (what: 'reads' | 'writes') => ({
      what: `${what === 'reads' ? 'point read' : 'collections.create'} with a key, median`,
      value: percentile(keyed[what], 0.5),
      unit: 'ms',
      baseline: { name: 'without keys', value: percentile(open[what], 0.5) },
    })
    return [
      {
        what: `memory for a body of ${sizeMiB} MiB in base64`,
        value: open.growth,
        unit: 'MiB RSS',
        budget: { text: '< 200 MiB', kept: open.growth < 200 },
      },
      {
        what: `slowest of ${open.probes.length} probes meanwhile`,
        value: slowest,
        unit: 'ms',
        budget: { text: '< 50 ms', kept: slowest < 50 },
      },
      { what: 'probes meanwhile, p99', value: percentile(open.probes, 0.99), unit: 'ms' },
      extra('reads'),
      extra('writes'),
    ]
  },
}

/** A process that sends: what it takes to make the body must not slow the probes. */
async function send(address: string, sizeMiB: number, times: number): Promise<void> {
  const script = `
    const data_base64 = Buffer.alloc(${sizeMiB} * 2 ** 20, 'some bytes').toString('base64')
    const body = JSON.stringify({ name: 'large', data_base64, mount: null })
    for (let index = 0; index < ${times}; index += 1) {
      const answer = await fetch('${address}/objects.put', {
        method: 'POST', headers: { 'content-type': 'application/json' }, body })
      if (!answer.ok) throw new Error(await answer.text())
      await answer.text()
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the sender ended with ${code}`)
}

async function probeUntil(address: string, ended: Promise<void>): Promise<number[]> {
  const times: number[] = []
  let isOver = false
  const over = ended.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const startedAt = performance.now()
    await (await fetch(`${address}/health`)).arrayBuffer()
    times.push(performance.now() - startedAt)
    await wait(probeEveryMs)
  }
  await over
  return times
}

async function makeKey(folder: string): Promise<string> {
  await using lake = await openLake(folder)
  return (await lake.keys.create({ name: 'bench', role: 'writer' })).api_key
}

async function timesOf(address: string, apiKey: string | undefined, count: number) {
  const ask = async (task: string, input: unknown) => {
    const startedAt = performance.now()
    const answer = await fetch(`${address}/${task}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(input),
    })
    const output = (await answer.json()) as { collection: { collection_id: string } }
    if (!answer.ok) throw new Error(`${task} answered ${answer.status}`)
    return { ms: performance.now() - startedAt, id: output.collection.collection_id }
  }
  const writes: number[] = []
  const reads: number[] = []
  let id = ''
  for (let index = 0; index < count; index += 1) {
    const made = await ask('collections.create', { name: `${index}` })
    id = made.id
    writes.push(made.ms)
  }
  for (let index = 0; index < count; index += 1) {
    reads.push((await ask('collections.get', { id })).ms)
  }
  return { reads, writes }
}
