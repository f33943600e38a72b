import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../../command.ts'
import { exitCode } from '../../exit-code.ts'
import type { Io } from '../../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../../lake-options.ts'
import { writeJson, writeTable } from '../../report.ts'

interface ListOptions extends LakeOptions, OutputOptions {
  readonly all?: boolean
}

/** `mindtrace keys list`. */
export const addKeysList: AddCommand = (group, { io, run }) => {
  const command = group
    .command('list')
    .description('list the keys, without their secrets')
    .option('--all', 'also those that were revoked')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: ListOptions) => list(io, options)),
  )
}

async function list(io: Io, options: ListOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const { keys } = await lake.keys.list(
    { include_revoked: options.all === true },
    { signal: io.signal },
  )
  if (options.json === true) {
    for (const key of keys) await writeJson(io, key, 'line')
    return exitCode.done
  }
  if (keys.length === 0) {
    if (options.quiet !== true) await io.stderr.write('no keys\n')
    return exitCode.done
  }
  await writeTable(
    io,
    ['KEY', 'NAME', 'ROLE', 'ONLY', 'CREATED', 'USED', 'ENDS'],
    keys.map(({ key_id, name, role, scopes, created_at, last_used_at, ...key }) => [
      key_id,
      name,
      role,
      [...(scopes.mounts ?? []), ...(scopes.collections ?? [])].join(' ') || '-',
      created_at,
      last_used_at ?? '-',
      key.revoked_at === null ? (key.expires_at ?? '-') : `revoked ${key.revoked_at}`,
    ]),
  )
  return exitCode.done
}
