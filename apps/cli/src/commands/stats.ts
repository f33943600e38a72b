import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { parseDatasetName, versionOf } from '../dataset-name.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { formatBytes, formatCount, writeJson, writeTable } from '../report.ts'

interface StatsOptions extends LakeOptions, OutputOptions {}

/** `mindtrace stats`: counts of the lake, or of one dataset version. */
export const addStats: AddCommand = (program, { io, run }) => {
  const command = program
    .command('stats')
    .description('count what is in the lake, or in one dataset (NAME or NAME@VERSION)')
    .argument('[dataset]')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (dataset: string | undefined, options: StatsOptions) => stats(io, dataset, options)),
  )
}

async function stats(io: Io, dataset: string | undefined, options: StatsOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const call = { signal: io.signal }
  if (dataset === undefined) {
    const counted = await lake.lake.stats(undefined, call)
    if (options.json === true) {
      await writeJson(io, counted, 'line')
      return exitCode.done
    }
    await writeTable(
      io,
      ['WHAT', 'COUNT'],
      [
        ...countRows(counted.counts),
        ['payload bytes', formatBytes(counted.payload_bytes)],
        ...countRows(counted.asset_kinds, 'assets of kind '),
        ...countRows(counted.payload_statuses, 'payloads '),
      ],
    )
    return exitCode.done
  }
  const named = parseDatasetName(dataset)
  const version = await versionOf(lake, named, io.signal)
  const counted = await lake.datasets.stats({ dataset_name: named.name, version }, call)
  if (options.json === true) {
    await writeJson(io, counted, 'line')
    return exitCode.done
  }
  const {
    dataset_name: _name,
    version: _version,
    splits,
    labels,
    kinds,
    payload_bytes,
    ...totals
  } = counted
  await writeTable(
    io,
    [`${named.name}@${version}`, 'COUNT'],
    [
      ...countRows(totals),
      ['payload bytes', formatBytes(payload_bytes)],
      ...countRows(splits, 'split '),
      ...countRows(kinds, 'kind '),
      ...countRows(labels, 'label '),
    ],
  )
  return exitCode.done
}

function countRows(counts: Readonly<Record<string, number>>, prefix = ''): string[][] {
  return Object.entries(counts).map(([name, count]) => [
    `${prefix}${prefix === '' ? name.replaceAll('_', ' ') : name}`,
    formatCount(count),
  ])
}
