import { MindtraceError } from '@mindtrace/core'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../../command.ts'
import { exitCode } from '../../exit-code.ts'
import type { Io } from '../../io.ts'
import { isRemote } from '../../lake-options.ts'
import { createProgress } from '../../progress.ts'
import { formatCount, writeJson, writeTable } from '../../report.ts'

interface CopyOptions extends OutputOptions {
  readonly from: string
  readonly to: string
}

/** `mindtrace db copy`: a lake's records from one database to another. */
export const addDbCopy: AddCommand = (group, { io, run }) => {
  const command = group
    .command('copy')
    .description(
      "copy a lake's records into another database and verify them; run again to go on after an interruption",
    )
    .requiredOption(
      '--from <url>',
      'sqlite:PATH, mongodb://HOST/NAME, or a lake (folder, lake.json)',
    )
    .requiredOption('--to <url>', 'likewise; empty, or an earlier copy of the same')
  addOutputOptions(command).action(run(async (options: CopyOptions) => copy(io, options)))
}

async function copy(io: Io, options: CopyOptions): CommandResult {
  const { from: source, to: target } = options
  for (const address of [source, target]) {
    if (isRemote(address)) {
      throw new MindtraceError(
        'INVALID_INPUT',
        'a service gives no access to its database: use the address of the database itself',
      )
    }
  }
  if (source === target) {
    throw new MindtraceError('INVALID_INPUT', '--from and --to are the same database')
  }
  const { copyRecords, openLakeDatabase } = await import('@mindtrace/datalake')
  const { signal } = io
  await using from = await openLakeDatabase(source, { create: false, signal })
  await using to = await openLakeDatabase(target, { signal })
  const progress = createProgress(io, { quiet: options.quiet === true })
  const collections = await copyRecords(from, to, {
    signal,
    onProgress: ({ phase, collection, done, total }) =>
      progress.update({ phase: `${phase} ${collection}`, done, total }),
  }).finally(() => progress.end())
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  const documents = sum(collections.map((one) => one.documents))
  const copied = sum(collections.map((one) => one.copied))
  if (options.json === true) {
    await writeJson(io, { documents, copied, collections }, 'line')
    return exitCode.done
  }
  await writeTable(
    io,
    ['COLLECTION', 'DOCUMENTS', 'COPIED', 'SHA-256'],
    collections
      .filter((one) => one.documents > 0)
      .map((one) => [
        one.collection,
        formatCount(one.documents),
        formatCount(one.copied),
        one.sha256.slice(0, 16),
      ]),
  )
  await io.stdout.write(
    `${formatCount(documents)} documents are the same in both, ${formatCount(copied)} of them copied now\n`,
  )
  return exitCode.done
}
