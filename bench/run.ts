import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Measurement, Scenario } from './scenario.ts'
import { importVoc } from './scenarios/import-voc.ts'
import { pointRead } from './scenarios/point-read.ts'
import { manyRecords } from './scenarios/records.ts'

/*
 * `pnpm bench`: runs the scenarios one after another and writes their tables into bench/README.md.
 * `--only TEXT` those whose name holds it; `--shrink N` a quick look at N-th of the size, which writes nothing.
 */
const scenarios: readonly Scenario[] = [importVoc, pointRead, manyRecords]

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, shrink: { type: 'string', default: '1' } },
})
const shrink = Number(values.shrink)
const chosen = scenarios.filter(({ name }) => name.includes(values.only))
const sections: string[] = []
const folders: string[] = []
for (const scenario of chosen) {
  const folder = await mkdtemp(join(tmpdir(), 'mindtrace-bench-'))
  folders.push(folder)
  const results = await scenario.run({ folder, shrink })
  const section = [`### ${scenario.name}`, '', scenario.about, '', ...table(results)].join('\n')
  console.log(`\n${section}`)
  sections.push(section)
}
if (shrink === 1 && values.only === '') await publish(sections)
// Only now: a disk from which a large tree was just deleted is slow for minutes.
for (const folder of folders) await rm(folder, { recursive: true, force: true })

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

async function publish(sections: readonly string[]): Promise<void> {
  const file = fileURLToPath(new URL('README.md', import.meta.url))
  const before = await readFile(file, 'utf8')
  const [cpu] = cpus()
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
  const [head = ''] = before.split('<!-- results -->')
  await writeFile(
    file,
    `${head}<!-- results -->\n\nMeasured ${machine}.\n\n${sections.join('\n\n')}\n`,
  )
}
