import { setFlagsFromString } from 'node:v8'
import { MindtraceError } from '@mindtrace/core'
import type { ImportReport, ImportSource } from '@mindtrace/formats'
import { runImport } from '@mindtrace/formats'
import type { Command } from 'commander'
import type { CommandResult, OutputOptions } from '../../command.ts'
import { parseDatasetName } from '../../dataset-name.ts'
import { exitCode } from '../../exit-code.ts'
import { type Io, printable } from '../../io.ts'
import { type LakeOptions, lakeOf, mountNames } from '../../lake-options.ts'
import { createProgress } from '../../progress.ts'
import { formatBytes, formatCount, writeJson } from '../../report.ts'
import { checkFilesThere, filesInPlace } from './in-place.ts'

/** Options of every import, whatever the format. */
export interface ImportOptions {
  readonly dataset: string
  readonly description?: string
  readonly createdBy?: string
  readonly toMount?: string
  readonly inPlace?: boolean
  readonly restart?: boolean
}

const defaultVersion = '1.0.0'
const shownErrors = 20

/** Adds the options of {@link ImportOptions}. */
export function addImportOptions(command: Command): Command {
  return command
    .requiredOption(
      '--dataset <name[@version]>',
      `what to call it (version ${defaultVersion} by default)`,
    )
    .option('--description <text>', 'kept with the dataset version')
    .option('--created-by <name>', 'kept with everything that is made')
    .option('--to-mount <name>', "the mount for payloads (default: the lake's)")
    .option(
      '--in-place',
      'copy no files: the lake refers to them where they are; --mount NAME names their mount',
    )
    .option('--restart', 'forget what an interrupted import has brought in')
}

/** Imports a folder into the lake of the options, with progress, and reports. */
export async function importSource(
  io: Io,
  given: LakeOptions & OutputOptions & ImportOptions,
  folder: string,
  open: (dataset: { readonly dataset: string }) => Promise<ImportSource>,
): CommandResult {
  const { options, mountName } = withoutMountName(given)
  // Payloads and documents pass through and are gone: a young generation that does not grow frees them soon,
  // which keeps the process a third smaller at no cost in time.
  setFlagsFromString('--semi-space-growth-factor=1')
  const { name: dataset, version = defaultVersion } = parseDatasetName(options.dataset)
  // The source first: a mistyped folder must not leave an empty lake behind.
  const source = await open({ dataset })
  const inPlace =
    options.inPlace === true ? await filesInPlace({ folder, mount: mountName }, options) : undefined
  await using lake = await lakeOf(options, io, { create: true })
  if (inPlace?.compare === true) await checkFilesThere(lake, source, inPlace, io.signal)
  const progress = createProgress(io, { quiet: options.quiet === true })
  const report = await runImport(lake, source, {
    dataset,
    version,
    description: options.description,
    createdBy: options.createdBy,
    mount: options.toMount,
    inPlace,
    restart: options.restart,
    onProgress: ({ phase, done, total }) => progress.update({ phase, done, total }),
    signal: io.signal,
  }).finally(() => progress.end())
  if (options.json === true) await writeJson(io, report, 'line')
  else await writeReport(io, report, options)
  return report.error_count > 0 ? exitCode.partial : exitCode.done
}

/** The options, with what `--mount NAME` says apart from the mounts of `--mount NAME=URL`. */
function withoutMountName<Options extends LakeOptions & ImportOptions>(
  options: Options,
): { readonly options: Options; readonly mountName: string | undefined } {
  const { mounts, names } = mountNames(options.mount)
  const [mountName, another] = names
  if (mountName !== undefined && options.inPlace !== true) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `--mount '${mountName}': write NAME=URL; a name alone is that of the files of --in-place`,
    )
  }
  if (another !== undefined) {
    throw new MindtraceError('INVALID_INPUT', `--mount '${another}': the files have one mount`)
  }
  return { options: { ...options, mount: mounts }, mountName }
}

async function writeReport(io: Io, report: ImportReport, options: OutputOptions): Promise<void> {
  const { dataset, version, seconds, unchanged, written } = report
  const rate = seconds > 0 ? `, ${formatCount(Math.round(written.datums / seconds))} samples/s` : ''
  await io.stdout.write(
    [
      `${dataset}@${version}: ${formatCount(report.datums)} samples, ${formatCount(report.assets)} assets (${formatBytes(report.payload_bytes)}), ${formatCount(report.annotations)} annotations`,
      `  splits  ${counts(report.splits)}`,
      `  labels  ${counts(report.labels)}`,
      `  written ${formatCount(written.datums)} samples (${formatBytes(written.payload_bytes)}) in ${seconds.toFixed(1)} s${rate}${unchanged > 0 ? `; ${formatCount(unchanged)} were there` : ''}`,
      '',
    ].join('\n'),
  )
  if (options.quiet === true) return
  for (const [code, count] of Object.entries(report.findings_by_code)) {
    await io.stderr.write(`note: ${code} ${formatCount(count)}\n`)
  }
  for (const { path, message } of report.errors.slice(0, shownErrors)) {
    await io.stderr.write(`error: ${printable(`${path}: ${message}`)}\n`)
  }
  if (report.error_count > shownErrors) {
    const more = report.error_count - shownErrors
    await io.stderr.write(`… and ${formatCount(more)} more errors; --json lists them\n`)
  }
}

function counts(of: Readonly<Record<string, number>>): string {
  const pairs = Object.entries(of).map(
    ([name, count]) => `${printable(name)} ${formatCount(count)}`,
  )
  return pairs.length === 0 ? 'none' : pairs.join(', ')
}
