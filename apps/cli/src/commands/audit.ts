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
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { writeJson, writeTable } from '../report.ts'

interface AuditOptions extends LakeOptions, OutputOptions {
  readonly actor?: string
  readonly task?: string
  readonly outcome?: 'done' | 'refused' | 'failed'
  readonly since?: string
  readonly until?: string
  readonly limit: number
}

const pageLimit = 1000

/** `mindtrace audit`: who changed what in a served lake. */
export const addAudit: AddCommand = (program, { io, run }) => {
  const command = program
    .command('audit')
    .description('list who changed what in a served lake, the last changes first')
    .option('--actor <id>', 'only those of this key, or of local')
    .option('--task <name>', 'only this task, as assets.delete')
    .addOption(
      new Option('--outcome <outcome>', 'only those that ended so').choices([
        'done',
        'refused',
        'failed',
      ]),
    )
    .option('--since <instant>', 'from then on')
    .option('--until <instant>', 'before then')
    .option('--limit <n>', 'at most so many', parseLimit, 100)
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: AuditOptions) => audit(io, options)),
  )
}

async function audit(io: Io, options: AuditOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const { actor = null, task = null, outcome = null, since = null, until = null } = options
  const rows: string[][] = []
  let cursor: string | null = null
  for (let left = options.limit; left > 0; ) {
    const page: Awaited<ReturnType<typeof lake.audit.list>> = await lake.audit.list(
      { actor, task, outcome, since, until, cursor, limit: Math.min(left, pageLimit) },
      { signal: io.signal },
    )
    for (const entry of page.entries) {
      if (options.json === true) await writeJson(io, entry, 'line')
      else {
        rows.push([
          entry.at,
          entry.actor_name ?? entry.actor,
          entry.outcome === 'done' ? 'done' : `${entry.outcome} ${entry.error}`,
          entry.task,
          Object.entries(entry.ids)
            .map(([name, id]) => `${name}=${id}`)
            .join(' '),
        ])
      }
    }
    left -= page.entries.length
    cursor = page.next
    if (cursor === null) break
  }
  if (options.json === true) return exitCode.done
  if (rows.length > 0) await writeTable(io, ['AT', 'WHO', 'OUTCOME', 'TASK', 'WHAT'], rows)
  else if (options.quiet !== true) await io.stderr.write('no changes\n')
  return exitCode.done
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit > 0) return limit
  throw new MindtraceError('INVALID_INPUT', `--limit ${text}: a whole number from 1 on`)
}
