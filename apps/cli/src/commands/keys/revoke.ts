import { parseApiKey } from '@mindtrace/contract'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../../command.ts'
import { exitCode } from '../../exit-code.ts'
import type { Io } from '../../io.ts'
import { addLakeOptions, isRemote, type LakeOptions, lakeOf } from '../../lake-options.ts'
import { writeJson } from '../../report.ts'
import { auditLocally } from './local-audit.ts'

interface RevokeOptions extends LakeOptions, OutputOptions {}

/** `mindtrace keys revoke`. */
export const addKeysRevoke: AddCommand = (group, { io, run }) => {
  const command = group
    .command('revoke')
    .description('end a key for good; services notice within five seconds')
    .argument('<key>', 'its id, as keys list shows it')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (key: string, options: RevokeOptions) => revoke(io, key, options)),
  )
}

async function revoke(io: Io, text: string, options: RevokeOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  // A whole key that somebody found in a log: its id is enough, and its secret goes nowhere.
  const key_id = parseApiKey(text)?.keyId ?? text
  const { key } = await lake.keys.revoke({ key_id }, { signal: io.signal })
  if (!isRemote(options.lake)) await auditLocally(lake, 'keys.revoke', key.key_id)
  if (options.json === true) await writeJson(io, { key }, 'line')
  else await io.stdout.write(`revoked ${key.key_id} (${key.name})\n`)
  return exitCode.done
}
