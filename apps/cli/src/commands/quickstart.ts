import { join, resolve } from 'node:path'
import { openLake } from '@mindtrace/datalake'
import { runImport } from '@mindtrace/formats'
import { openVoc } from '@mindtrace/formats/voc'
import type { AddCommand, CommandResult } from '../command.ts'
import type { Io } from '../io.ts'
import { createProgress } from '../progress.ts'
import { writeSampleDataset } from '../quickstart/sample-dataset.ts'
import { formatCount } from '../report.ts'
import { addListenOptions, type ListenOptions, serveUntilInterrupted } from './serve.ts'

interface QuickstartOptions extends ListenOptions {
  readonly folder: string
}

const dataset = 'printed-parts'
const version = '1.0.0'

/** `mindtrace quickstart`: a sample dataset in a new embedded lake, served. */
export const addQuickstart: AddCommand = (program, { io, run }) => {
  const command = program
    .command('quickstart')
    .description('draw a sample dataset, import it into an embedded lake and serve it')
    .option('--folder <path>', 'where the sample and the lake go', './mindtrace-quickstart')
    .option('--quiet', 'no progress and no messages')
  addListenOptions(command).action(
    run(async (options: QuickstartOptions) => quickstart(io, options)),
  )
}

async function quickstart(io: Io, options: QuickstartOptions): CommandResult {
  const folder = resolve(options.folder)
  const sampleFolder = join(folder, 'sample')
  const lakeFolder = join(folder, 'lake')
  const say = async (text: string) => {
    if (options.quiet !== true) await io.stderr.write(`${text}\n`)
  }
  const progress = createProgress(io, { quiet: options.quiet === true })
  const sample = await writeSampleDataset(sampleFolder, {
    signal: io.signal,
    onProgress: ({ done, total }) => progress.update({ phase: 'drawing', done, total }),
  }).finally(() => progress.end())
  await say(
    `${sample.reused ? 'found' : 'drew'} ${sample.images} pictures of printed parts with ${sample.annotations} defects in ${sampleFolder}`,
  )
  await using lake = await openLake(lakeFolder, { signal: io.signal })
  const source = await openVoc(sampleFolder, { name: dataset, signal: io.signal })
  const report = await runImport(lake, source, {
    dataset,
    version,
    description:
      'Sample dataset of the quickstart: drawn plates with scratches, dents, stains and misprints.',
    createdBy: 'quickstart',
    signal: io.signal,
    onProgress: ({ phase, done, total }) => progress.update({ phase, done, total }),
  }).finally(() => progress.end())
  await say(
    report.written.datums === 0
      ? `${dataset}@${version} is in the lake ${lakeFolder}`
      : `imported ${formatCount(report.written.datums)} samples into the lake ${lakeFolder}`,
  )
  return await serveUntilInterrupted(io, lake, options, async (address) => {
    await io.stdout.write(`\n  Look at it:  ${address}/\n\n`)
    await say(nextSteps(address))
  })
}

function nextSteps(address: string): string {
  const command = 'npx -y pnpm@12 -s mindtrace'
  return [
    'Try next, in another terminal (this one serves until Ctrl-C):',
    '',
    `  ${command} ls datasets --lake ${address}`,
    `  ${command} stats ${dataset} --lake ${address}`,
    `  ${command} import voc FOLDER --dataset NAME --lake ${address}`,
    `  curl ${address}/openapi.json`,
    '',
  ].join('\n')
}
