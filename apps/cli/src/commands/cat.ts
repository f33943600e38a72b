import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { errorMessage, isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { AddCommand, CommandResult } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'

interface CatOptions extends LakeOptions {
  readonly out?: string
}

/** `mindtrace cat`: an asset's bytes. */
export const addCat: AddCommand = (program, { io, run }) => {
  const command = program
    .command('cat')
    .description("write an asset's bytes to standard output")
    .argument('<asset>', 'its id or an alias')
    .option('--out <file>', 'write to a new file instead')
  addLakeOptions(command).action(
    run(async (asset: string, options: CatOptions) => cat(io, asset, options)),
  )
}

async function cat(io: Io, id: string, options: CatOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const { asset } = await lake.assets.get({ id }, { signal: io.signal })
  if (options.out === undefined && io.stdout.isTTY && !asset.media_type.startsWith('text/')) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${id}' is ${asset.media_type}, which a terminal can't show; redirect it or use --out FILE`,
    )
  }
  const { body } = await lake.streams.readAsset(asset.asset_id, { signal: io.signal })
  if (options.out === undefined) {
    for await (const chunk of body) await io.stdout.write(chunk)
    return exitCode.done
  }
  try {
    await pipeline(Readable.fromWeb(body), createWriteStream(options.out, { flags: 'wx' }), {
      signal: io.signal,
    })
  } catch (cause) {
    if (isMindtraceError(cause) || io.signal.aborted) throw cause
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${options.out}' can't be written: ${errorMessage(cause)}`,
      {
        cause,
      },
    )
  }
  return exitCode.done
}
