import { MindtraceError } from '@mindtrace/core'
import { Option } from 'commander'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { parseDuration } from '../duration.ts'
import { exitCode } from '../exit-code.ts'
import { type Io, printable } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { formatBytes, formatCount, writeJson } from '../report.ts'

interface GcOptions extends LakeOptions, OutputOptions {
  readonly dryRun?: boolean
  readonly olderThan: number
}

const flag = '--older-than'
const listed = 1000

/** `mindtrace gc`: removes payloads that nothing refers to. */
export const addGc: AddCommand = (program, { io, run }) => {
  const command = program
    .command('gc')
    .description('remove payloads that no record refers to, and what crashed writers left')
    .option('--dry-run', 'only say what would be removed')
    .addOption(
      new Option(`${flag} <age>`, 'leave alone what is younger: 36h, 7d, 2w; at least 1h')
        .argParser(parseAge)
        .default(parseAge('7d'), '7d'),
    )
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: GcOptions) => gc(io, options)),
  )
}

function parseAge(text: string): number {
  const seconds = parseDuration(flag, text)
  if (seconds >= 3600) return seconds
  throw new MindtraceError(
    'INVALID_INPUT',
    `${flag} ${text}: at least 1h, since what is younger may be about to be used`,
  )
}

async function gc(io: Io, options: GcOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const startedMs = performance.now()
  const report = await lake.lake.gc(
    {
      dry_run: options.dryRun === true,
      older_than_seconds: options.olderThan,
      sample_limit: listed,
    },
    { signal: io.signal },
  )
  const seconds = Math.round(performance.now() - startedMs) / 1000
  if (options.json === true) {
    await writeJson(io, { ...report, errors: [], seconds }, 'line')
    return exitCode.done
  }
  const { dry_run, count, bytes, mounts, found } = report
  if (dry_run) {
    for (const { kind, mount, name, size_bytes } of found) {
      await io.stdout.write(`${kind} ${printable(`${mount}/${name}`)} ${formatBytes(size_bytes)}\n`)
    }
  }
  for (const { mount, skipped, objects, leftovers } of mounts) {
    const what = skipped
      ? 'read-only, not looked at'
      : `${formatCount(objects.count)} objects (${formatBytes(objects.bytes)}), ${formatCount(leftovers.count)} leftovers (${formatBytes(leftovers.bytes)})`
    await io.stdout.write(`${printable(mount)}: ${what}\n`)
  }
  const done = dry_run ? 'would be removed' : 'removed'
  await io.stdout.write(`${formatCount(count)} ${done}, ${formatBytes(bytes)}\n`)
  return exitCode.done
}
