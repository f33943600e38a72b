import type { KeyRole } from '@mindtrace/contract'
import { Option } from 'commander'
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
import { parseExpiry } from './expiry.ts'
import { auditLocally } from './local-audit.ts'

interface CreateOptions extends LakeOptions, OutputOptions {
  readonly name: string
  readonly role: KeyRole
  readonly expires?: string
  readonly onlyMount?: readonly string[]
  readonly onlyCollection?: readonly string[]
}

/** `mindtrace keys create`: prints the key, this once. */
export const addKeysCreate: AddCommand = (group, { io, run }) => {
  const command = group
    .command('create')
    .description('make a key and print it; only a hash of it is kept')
    .requiredOption('--name <text>', 'what it is for')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['reader', 'writer', 'admin'])
        .default('reader'),
    )
    .option('--expires <when>', '12h, 90d, 4w or an instant; default: never')
    .option('--only-mount <name>', 'limit it to this mount (repeatable)', gather)
    .option('--only-collection <id>', 'limit it to this collection (repeatable)', gather)
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: CreateOptions) => create(io, options)),
  )
}

async function create(io: Io, options: CreateOptions): CommandResult {
  const expires_at = options.expires === undefined ? null : parseExpiry(options.expires, new Date())
  // The first key comes before the first start of the service, so maybe before anything else.
  await using lake = await lakeOf(options, io, { create: true })
  const { key, api_key } = await lake.keys.create(
    {
      name: options.name,
      role: options.role,
      expires_at,
      scopes: {
        mounts: options.onlyMount === undefined ? null : [...options.onlyMount],
        collections: options.onlyCollection === undefined ? null : [...options.onlyCollection],
      },
    },
    { signal: io.signal },
  )
  if (!isRemote(options.lake)) await auditLocally(lake, 'keys.create', key.key_id)
  if (options.json === true) {
    await writeJson(io, { key, api_key }, 'line')
    return exitCode.done
  }
  await io.stdout.write(`${api_key}\n`)
  if (options.quiet !== true) {
    await io.stderr.write(
      `the key ${key.key_id} (${key.name}, ${key.role}) can't be shown again; MINDTRACE_API_KEY takes it to mindtrace and connectLake\n`,
    )
  }
  return exitCode.done
}

function gather(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text]
}
