import type { AddCommand, CommandResult, OutputOptions } from '../command.ts'
import { addOutputOptions } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { type Io, printable } from '../io.ts'
import { addLakeOptions, cacheOptions, isRemote, type LakeOptions } from '../lake-options.ts'
import { formatBytes, formatCount, writeJson } from '../report.ts'

interface CacheCommandOptions extends LakeOptions, OutputOptions {
  readonly clear?: boolean
}

/** `mindtrace cache`: what is kept on this machine of payloads in object stores. */
export const addCache: AddCommand = (program, { io, run }) => {
  const command = program
    .command('cache')
    .description('tell what is kept of payloads in S3 and GCS on this machine, or empty it')
    .option('--clear', 'remove all of it; payloads that are being read stay readable')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (options: CacheCommandOptions) => cacheCommand(io, options)),
  )
}

async function cacheCommand(io: Io, options: CacheCommandOptions): CommandResult {
  const { lakeCache } = await import('@mindtrace/datalake')
  // The cache is this machine's: of a remote lake nothing is kept here, but what there is can be looked at.
  const address = isRemote(options.lake) ? '.' : options.lake
  const { cache } = await lakeCache(address, {
    cache: cacheOptions(options),
    mounts: options.mount,
  })
  if (cache === undefined) {
    if (options.json === true) await writeJson(io, { enabled: false }, 'line')
    else await io.stdout.write('nothing is kept: the cache is off\n')
    return exitCode.done
  }
  const isCleared = options.clear === true
  const usage = isCleared ? await cache.clear() : await cache.usage()
  const { folder, maxBytes, payloads, sizeBytes } = usage
  if (options.json === true) {
    const facts = { folder, max_bytes: maxBytes, payloads, size_bytes: sizeBytes }
    await writeJson(io, { enabled: true, ...facts, cleared: isCleared }, 'line')
    return exitCode.done
  }
  const what = `${formatCount(payloads)} payloads, ${formatBytes(sizeBytes)}`
  await io.stdout.write(
    isCleared
      ? `${printable(folder)}: ${what} removed\n`
      : `${printable(folder)}: ${what} of at most ${formatBytes(maxBytes)}\n`,
  )
  return exitCode.done
}
