import { resolve } from 'node:path'
import { errorMessage, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { Command, CommanderError, Option } from 'commander'
import type { CommandResult } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { type Io, printable } from '../io.ts'
import { createProgress } from '../progress.ts'
import { databaseAddress } from './database-address.ts'
import { fetchArchive } from './fetch-archive.ts'
import { importPascalVoc, type PascalVocSummary } from './import-pascal-voc.ts'
import { findVocFolder, type PascalVocSplit, pascalVocSplits, sourceUrl } from './voc-files.ts'

interface Options {
  readonly mongoDbUri: string
  readonly mongoDbName: string
  readonly rootDir: string
  readonly split: PascalVocSplit
  readonly datasetName?: string
  readonly datasetVersion: string
  readonly mount?: string
  readonly createdBy?: string
  readonly objectNamePrefix?: string
  readonly download?: boolean
  readonly sourceUrl: string
  readonly progress: boolean
}

const where = `
Payloads go to the mounts of MINDTRACE_MOUNTS (as main=s3://bucket/prefix), or else to the folder main in MINDTRACE_LAKE
(default ./lake). \`mindtrace import voc\` imports any folder of this kind, into any lake, quicker, with exact boxes and whole masks.
`

/** The command of the Python package: its flags, its records, its line and its exit codes. */
export async function importPascalVocMain(argv: readonly string[], io: Io): CommandResult {
  const program = new Command('mindtrace-datalake-import-pascal-voc')
    .description('Imports Pascal VOC 2012 as the Python package does: same flags, same records.')
    .requiredOption('--mongo-db-uri <uri>', 'the MongoDB server')
    .requiredOption('--mongo-db-name <name>', 'the database there')
    .requiredOption('--root-dir <folder>', 'the folder that holds VOC2012, or VOCdevkit/VOC2012')
    .addOption(new Option('--split <name>').choices([...pascalVocSplits]).default('train'))
    .option('--dataset-name <name>', 'default: pascal-voc-2012-SPLIT')
    .option('--dataset-version <version>', 'what to call it', '1.0.0')
    .option('--mount <name>', "the mount for payloads (default: the lake's)")
    .option('--created-by <name>', 'kept with everything that is made')
    .option('--object-name-prefix <prefix>', 'where the names of payloads begin')
    .option('--download', 'fetch the archive (2 GB) where the data are not there')
    .option('--source-url <url>', 'the archive', sourceUrl)
    .option('--no-progress', 'show none')
    .addHelpText('after', where)
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .exitOverride()
  try {
    program.parse([...argv], { from: 'user' })
    const summary = await run(program.opts<Options>(), io)
    await io.stdout.write(`${lineOf(summary)}\n`)
    return exitCode.done
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCode.done : exitCode.usage
    if (io.signal.aborted) {
      await io.stderr.write('interrupted\n')
      return exitCode.interrupted
    }
    const debug = io.env.MINDTRACE_DEBUG !== undefined || !isMindtraceError(error)
    const text = debug && error instanceof Error ? (error.stack ?? '') : errorMessage(error)
    await io.stderr.write(`${program.name()}: ${text.split('\n').map(printable).join('\n')}\n`)
    return exitCode.failed
  }
}

async function run(options: Options, io: Io): Promise<PascalVocSummary> {
  const { split } = options
  if (split === 'trainval') {
    throw new MindtraceError(
      'INVALID_INPUT',
      "a datum's split is train, val or test, so trainval can't be imported here; `mindtrace import voc` takes both splits at once",
    )
  }
  const root = resolve(expanded(options.rootDir, io))
  const progress = createProgress(io, { quiet: !options.progress })
  try {
    const folder =
      (await findVocFolder(root)) ??
      (options.download === true
        ? await fetchArchive(root, options.sourceUrl, {
            signal: io.signal,
            onProgress: (done, total) => progress.update({ phase: 'download', done, total }),
          })
        : undefined)
    if (folder === undefined) {
      throw new MindtraceError(
        'NOT_FOUND',
        `Pascal VOC 2012 not found under ${root}. Expected ${root}/VOCdevkit/VOC2012. Pass --download to fetch it.`,
      )
    }
    const { openLake } = await import('@mindtrace/datalake')
    await using lake = await openLake(io.env.MINDTRACE_LAKE ?? './lake', {
      database: databaseAddress(options.mongoDbUri, options.mongoDbName),
      mounts: mountsOf(io.env.MINDTRACE_MOUNTS),
      defaultMount: io.env.MINDTRACE_DEFAULT_MOUNT,
    })
    const datasetName = options.datasetName ?? `pascal-voc-2012-${split}`
    return await importPascalVoc(lake, {
      folder,
      split,
      datasetName,
      datasetVersion: options.datasetVersion,
      mount: options.mount ?? null,
      createdBy: options.createdBy ?? null,
      prefix:
        options.objectNamePrefix ??
        `imports/pascal-voc-2012/${datasetName}/${options.datasetVersion}`,
      signal: io.signal,
      onProgress: (done, total) =>
        progress.update({ phase: `Importing ${datasetName}`, done, total }),
    })
  } finally {
    progress.end()
  }
}

function lineOf(summary: PascalVocSummary): string {
  const { dataset_name: name, dataset_version: version, split } = summary
  return (
    `Imported ${name}@${version} (${split}) with ${summary.datum_count} datums, ` +
    `${summary.image_asset_count} image assets, ${summary.mask_asset_count} mask assets, ` +
    `${summary.classification_record_count} classification records, ` +
    `${summary.detection_record_count} detection records, and ` +
    `${summary.segmentation_record_count} segmentation records.`
  )
}

function expanded(folder: string, io: Io): string {
  return folder.replace(/^~(?=\/|$)/, io.env.HOME ?? '~')
}

function mountsOf(text: string | undefined): Record<string, string> | undefined {
  const pairs = (text ?? '').split(/\s+/).filter((pair) => pair.includes('='))
  if (pairs.length === 0) return undefined
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
}
