import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { type Io, printable } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { formatBytes, formatCount, writeJson } from '../report.ts'

interface VerifyOptions extends LakeOptions, OutputOptions {
  readonly readData?: boolean
}

const listedIssues = 1000

/** `mindtrace verify`: whether everything that the lake refers to is there, and is what was recorded. */
export const addVerify: AddCommand = (program, { io, run }) => {
  const command = program
    .command('verify')
    .description('check that payloads and references are what the records say')
    .option('--read-data', 'also read every payload and compare its hash')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: VerifyOptions) => verify(io, options)),
  )
}

async function verify(io: Io, options: VerifyOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const startedMs = performance.now()
  const { ok, issues, issue_count, ...counted } = await lake.lake.verify(
    { read_data: options.readData === true, sample_limit: listedIssues },
    { signal: io.signal },
  )
  const seconds = Math.round(performance.now() - startedMs) / 1000
  if (options.json === true) {
    const errors = issues.map(({ kind, id, message }) => ({ code: kind, id, message }))
    await writeJson(io, { ok, ...counted, errors, error_count: issue_count, seconds }, 'line')
  } else {
    for (const { kind, id, message } of issues) {
      await io.stdout.write(`${kind} ${printable(id)}: ${printable(message)}\n`)
    }
    const read =
      options.readData === true ? `, ${formatBytes(counted.payload_bytes_read)} read` : ''
    const found = issue_count === 0 ? 'no issues' : `${formatCount(issue_count)} issues`
    await io.stdout.write(`${formatCount(counted.assets_checked)} payloads${read}: ${found}\n`)
  }
  return ok ? exitCode.done : exitCode.partial
}
