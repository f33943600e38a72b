import { MindtraceError } from '@mindtrace/core'
import { Option } from 'commander'
import type { AddCommand, CommandResult, Commands } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, isRemote, type LakeOptions, lakeOf } from '../lake-options.ts'
import { textLog } from '../text-log.ts'

/** Where a command that serves listens. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly insecure?: boolean
  readonly quiet?: boolean
}

interface ServeOptions extends LakeOptions, ListenOptions {
  readonly allowDestructive?: boolean
  readonly verbose?: boolean
  readonly mcp: 'default' | 'all'
}

/** Adds `--host`, `--port` and `--insecure`. */
export function addListenOptions(command: Parameters<AddCommand>[0]): Parameters<AddCommand>[0] {
  return command
    .addOption(
      new Option('--host <host>', 'the address to listen on')
        .env('MINDTRACE_HOST')
        .default('127.0.0.1'),
    )
    .addOption(
      new Option('--port <port>', 'the port to listen on; 0 takes a free one')
        .env('MINDTRACE_PORT')
        .argParser(parsePort)
        .default(8080),
    )
    .addOption(
      new Option(
        '--insecure',
        'listen where others can reach it, although nobody is asked for a key',
      ).env('MINDTRACE_INSECURE'),
    )
}

/** `mindtrace serve`: the service over a lake of this machine. */
export const addServe: AddCommand = (program, { io, run }: Commands) => {
  const command = program
    .command('serve')
    .description('serve a lake over HTTP, with a page to look at')
    .option('--allow-destructive', 'also serve datalake.wipe')
    .addOption(
      new Option(
        '--mcp <tools>',
        "the tools of /mcp-server/mcp: the Python service's, or every task that reads",
      )
        .choices(['default', 'all'])
        .env('MINDTRACE_MCP')
        .default('default'),
    )
    .option('--verbose', 'log each request')
    .option('--quiet', 'no messages')
  addListenOptions(addLakeOptions(command)).action(
    run(async (options: ServeOptions) => serveCommand(io, options)),
  )
}

async function serveCommand(io: Io, options: ServeOptions): CommandResult {
  if (isRemote(options.lake)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${options.lake}' is served already; serve takes a folder or a lake.json`,
    )
  }
  const lake = await lakeOf(options, io, {
    create: true,
    allowWipe: options.allowDestructive === true,
  })
  await using _lake = lake
  return await serveUntilInterrupted(io, lake, options, async (address) => {
    if (options.quiet !== true) {
      await io.stderr.write(`serving ${options.lake} at ${address} (Ctrl-C ends it)\n`)
    }
  })
}

/** Serves until the first interrupt, or until a client asks for the end. */
export async function serveUntilInterrupted(
  io: Io,
  lake: Awaited<ReturnType<typeof lakeOf>>,
  options: ListenOptions & Partial<Pick<ServeOptions, 'verbose' | 'mcp'>>,
  started: (address: string) => Promise<void>,
): CommandResult {
  // Loaded here: no other command needs a service.
  const { serve } = await import('@mindtrace/service')
  const ended = Promise.withResolvers<void>()
  io.signal.addEventListener('abort', () => ended.resolve(), { once: true })
  if (io.signal.aborted) ended.resolve()
  await using service = await serve({
    lake,
    host: options.host,
    port: options.port,
    insecure: options.insecure,
    log: textLog(
      io.stderr,
      options.quiet === true ? 'error' : options.verbose === true ? 'debug' : 'warn',
    ),
    mcp: { tools: options.mcp ?? 'default' },
    shutdown: () => ended.resolve(),
  })
  await started(service.address)
  await ended.promise
  return exitCode.done
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port
  throw new MindtraceError('INVALID_INPUT', `--port ${text}: a whole number from 0 to 65535`)
}
