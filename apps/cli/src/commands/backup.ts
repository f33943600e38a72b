import { MindtraceError } from '@mindtrace/core'
import { Option } from 'commander'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { isRemote } from '../lake-options.ts'
import { createProgress } from '../progress.ts'
import { formatBytes, writeJson } from '../report.ts'

interface BackupOptions extends OutputOptions {
  readonly lake: string
  readonly database?: string
}

/** `mindtrace backup FILE`: the records of an embedded lake, while it is in use. */
export const addBackup: AddCommand = (program, { io, run }) => {
  const command = program
    .command('backup')
    .description(
      "copy a lake's records (SQLite) to a new file while it is in use; put in the place of lake.db it restores them",
    )
    .argument('<file>', 'the copy; it must not exist')
    .addOption(
      new Option('--lake <address>', 'a folder (embedded lake) or a lake.json')
        .env('MINDTRACE_LAKE')
        .default('./lake'),
    )
    .addOption(
      new Option('--database <url>', 'where the records are: sqlite:PATH').env(
        'MINDTRACE_DATABASE',
      ),
    )
  addOutputOptions(command).action(
    run(async (file: string, options: BackupOptions) => backup(io, file, options)),
  )
}

async function backup(io: Io, file: string, options: BackupOptions): CommandResult {
  if (isRemote(options.lake)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      "a remote lake is backed up where it runs: mindtrace backup FILE --lake FOLDER on the service's machine",
    )
  }
  const { backUpLake } = await import('@mindtrace/datalake')
  const progress = createProgress(io, { quiet: options.quiet === true })
  const { path, sizeBytes } = await backUpLake(options.lake, file, {
    database: options.database,
    signal: io.signal,
    onProgress: ({ doneBytes, totalBytes }) =>
      progress.update({ phase: 'bytes', done: doneBytes, total: totalBytes }),
  }).finally(() => progress.end())
  if (options.json === true) await writeJson(io, { path, size_bytes: sizeBytes }, 'line')
  else await io.stdout.write(`${path}: ${formatBytes(sizeBytes)}\n`)
  return exitCode.done
}
