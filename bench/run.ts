import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Measurement, Scenario } from './scenario.ts'
import { base64Put } from './scenarios/base64-put.ts'
import { besidePython } from './scenarios/beside-python.ts'
import { importVoc } from './scenarios/import-voc.ts'
import { mixedClients } from './scenarios/mixed-clients.ts'
import { payloadsOnDisk } from './scenarios/payloads.ts'
import { payloadsInS3 } from './scenarios/payloads-in-s3.ts'
import { payloadsOverHttp } from './scenarios/payloads-over-http.ts'
import { pointRead } from './scenarios/point-read.ts'
import { manyRecords } from './scenarios/records.ts'
import { recordsInMongodb } from './scenarios/records-in-mongodb.ts'
import { recordsOverHttp } from './scenarios/records-over-http.ts'
import { requestCost } from './scenarios/request-cost.ts'

/*
 * `pnpm bench`: runs the scenarios one after another and writes their tables into bench/README.md.
 * `--only TEXT` those whose name holds it; `--shrink N` a quick look at N-th of the size, which writes nothing.
 */
const scenarios: readonly Scenario[] = [
  importVoc,
  pointRead,
  requestCost,
  besidePython,
  base64Put,
  payloadsOnDisk,
  payloadsInS3,
  payloadsOverHttp,
  manyRecords,
  recordsOverHttp,
  recordsInMongodb,
  mixedClients,
]

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    shrink: { type: 'string', default: '1' },
    // How a run hands one scenario to a process of its own.
    scenario: { type: 'string' },
    folder: { type: 'string', default: '' },
  },
})
const shrink = Number(values.shrink)
if (values.scenario === undefined) await runAll()
else await runOne(values.scenario, values.folder)

async function runAll(): Promise<void> {
  const sections: string[] = []
  const folders: string[] = []
  for (const { name } of scenarios.filter((scenario) => scenario.name.includes(values.only))) {
    const folder = await mkdtemp(join(tmpdir(), 'mindtrace-bench-'))
    folders.push(folder)
    sections.push(await inProcessOfItsOwn(name, folder))
  }
  if (shrink === 1) await publish(sections)
  // Only now: a disk from which a large tree was just deleted is slow for minutes.
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
}

/** Prints the section of one scenario. */
async function runOne(name: string, folder: string): Promise<void> {
  const scenario = scenarios.find((one) => one.name === name)
  if (scenario === undefined) throw new Error(`there is no scenario '${name}'`)
  const results = await scenario.run({ folder, shrink })
  const section = [
    `### ${scenario.name}`,
    '',
    scenario.about,
    '',
    ...table(results),
    '',
    occasion(),
  ].join('\n')
  console.log(`\n${section}`)
}

/** Each in a process of its own: its memory is the scenario's, and no garbage of another is collected in it. */
async function inProcessOfItsOwn(name: string, folder: string): Promise<string> {
  const self = fileURLToPath(import.meta.url)
  const args = [self, '--scenario', name, '--folder', folder, '--shrink', String(shrink)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
    process.stdout.write(text)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the scenario '${name}' ended with ${code}`)
  return printed.trim()
}

function table(results: readonly Measurement[]): string[] {
  const rows = results.map(({ what, value, unit, baseline, budget }) => {
    const beside =
      baseline === undefined
        ? ''
        : `${round(baseline.value)} (${baseline.name}): ${round(value / baseline.value)}×`
    const kept =
      budget === undefined ? '' : `${budget.text}: ${budget.kept ? 'kept' : '**not kept**'}`
    return `| ${what} | ${round(value)} ${unit} | ${beside} | ${kept} |`
  })
  return ['| what | measured | baseline | budget |', '| --- | --- | --- | --- |', ...rows]
}

function round(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
  return Number(value.toFixed(digits)).toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** Puts sections in the place of those of the same name; the others stay, each with the day of its figures. */
async function publish(sections: readonly string[]): Promise<void> {
  const file = fileURLToPath(new URL('README.md', import.meta.url))
  const before = await readFile(file, 'utf8')
  const [head = '', results = ''] = before.split('<!-- results -->\n')
  const byName = new Map<string, string>()
  for (const section of [...results.split(/^(?=### )/m), ...sections]) {
    const name = nameOf(section)
    if (name !== undefined) byName.set(name, section.trim())
  }
  const known = scenarios.flatMap(({ name }) => byName.get(name) ?? [])
  await writeFile(file, `${head}<!-- results -->\n\n${known.join('\n\n')}\n`)
}

function nameOf(section: string): string | undefined {
  return /^### (.+)/.exec(section)?.[1]
}

/** When and where figures were taken. */
function occasion(): string {
  const [cpu] = cpus()
  const day = new Date().toISOString().slice(0, 10)
  return `${day}, ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}.`
}
