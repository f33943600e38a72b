import { type Logger, MindtraceError } from '@mindtrace/core'
import type { Telemetry } from '@mindtrace/service'
import { Option } from 'commander'
import type { AddCommand, CommandResult, Commands } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { isSet } from '../flag.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, isRemote, type LakeOptions, lakeOf } from '../lake-options.ts'
import { textLog } from '../text-log.ts'
import { addMcpFlags, type McpFlags, mcpSettings } from './mcp-options.ts'

/** Where a command that serves listens. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly insecure?: boolean
  readonly quiet?: boolean
  readonly allowedHost?: readonly string[]
  readonly corsOrigin?: readonly string[]
  readonly hsts?: number
  readonly rateLimit?: number
  readonly concurrency?: number
  readonly auditDays?: number
  readonly log?: 'text' | 'json'
  readonly shutdownTimeout?: number
}

interface ServeOptions extends LakeOptions, ListenOptions, McpFlags {
  readonly allowDestructive?: boolean
  readonly verbose?: boolean
  readonly slowOperations?: 'allow' | 'warn' | 'forbid'
}

/** Adds where to listen, who may ask, and how much. */
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
    .option(
      '--insecure',
      'listen where others can reach it, although nobody is asked for a key (env: MINDTRACE_INSECURE)',
    )
    .addOption(
      new Option('--allowed-host <name>', 'a name that leads here, as that of a proxy (repeatable)')
        .env('MINDTRACE_ALLOWED_HOSTS')
        .argParser(gatherWords),
    )
    .addOption(
      new Option('--cors-origin <origin>', 'a page of this origin may use the service (repeatable)')
        .env('MINDTRACE_CORS_ORIGINS')
        .argParser(gatherWords),
    )
    .addOption(
      new Option(
        '--hsts <seconds>',
        'tell browsers to use HTTPS; only behind a proxy that speaks it',
      )
        .env('MINDTRACE_HSTS')
        .argParser(wholeNumber('--hsts')),
    )
    .addOption(
      new Option('--rate-limit <n>', 'requests a second of each key, in this process')
        .env('MINDTRACE_RATE_LIMIT')
        .argParser(wholeNumber('--rate-limit')),
    )
    .addOption(
      new Option(
        '--concurrency <n>',
        'requests of each key at the same time (default: 256; without keys any number)',
      )
        .env('MINDTRACE_CONCURRENCY')
        .argParser(wholeNumber('--concurrency')),
    )
    .addOption(
      new Option('--audit-days <n>', 'how long the audit log is kept (default: for ever)')
        .env('MINDTRACE_AUDIT_DAYS')
        .argParser(wholeNumber('--audit-days')),
    )
    .addOption(
      new Option('--log <format>', 'lines for people, or JSON for programs')
        .choices(['text', 'json'])
        .env('MINDTRACE_LOG')
        .default('text'),
    )
    .addOption(
      new Option('--shutdown-timeout <seconds>', 'how long requests under way may go on at the end')
        .env('MINDTRACE_SHUTDOWN_TIMEOUT')
        .argParser(wholeNumber('--shutdown-timeout'))
        .default(10),
    )
}

/** `mindtrace serve`: the service over a lake of this machine. */
export const addServe: AddCommand = (program, { io, run }: Commands) => {
  const command = program
    .command('serve')
    .description('serve a lake over HTTP, with a page to look at')
    .option(
      '--allow-destructive',
      'serve datalake.wipe, replication.tasks.purge and shutdown to admins (env: MINDTRACE_ALLOW_DESTRUCTIVE)',
    )
    .addOption(
      new Option(
        '--slow-operations <policy>',
        'lists that read everything at once (default: as in lake.json, else warn)',
      )
        .choices(['allow', 'warn', 'forbid'])
        .env('MINDTRACE_SLOW_OPERATIONS'),
    )
    .option('--verbose', 'log each request')
    .option('--quiet', 'no messages')
  addMcpFlags(addListenOptions(addLakeOptions(command))).action(
    run(async (options: ServeOptions) => serveCommand(io, options)),
  )
}

async function serveCommand(io: Io, options: ServeOptions): CommandResult {
  if (isRemote(options.lake)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${options.lake.replace(/\/\/[^@/]*@/, '//')}' is served already; serve takes a folder or a lake.json`,
    )
  }
  const allowDestructive = isSet(options.allowDestructive, 'MINDTRACE_ALLOW_DESTRUCTIVE', io.env)
  const { openTelemetry } = await import('@mindtrace/service')
  const log = await logOf(io, options)
  await using telemetry = await openTelemetry({ log, env: io.env })
  const lake = await lakeOf(options, io, {
    create: true,
    allowWipe: allowDestructive,
    slowOperations: options.slowOperations ?? 'configured',
    log: telemetry.log,
    tracer: telemetry.tracer,
  })
  await using _lake = lake
  const settings = { ...options, allowDestructive, telemetry }
  return await serveUntilInterrupted(io, lake, settings, async (address) => {
    if (options.quiet !== true && options.log !== 'json') {
      await io.stderr.write(`serving ${options.lake} at ${address} (Ctrl-C ends it)\n`)
    }
  })
}

async function logOf(
  io: Io,
  options: ListenOptions & Partial<Pick<ServeOptions, 'verbose'>>,
): Promise<Logger> {
  const { quiet, verbose, log } = options
  if (log !== 'json') {
    return textLog(io.stderr, quiet === true ? 'error' : verbose === true ? 'debug' : 'warn')
  }
  // Loaded here: lines for people need no library.
  const { jsonLog } = await import('../json-log.ts')
  return jsonLog(io.stderr, quiet === true ? 'error' : verbose === true ? 'debug' : 'info')
}

/** What the lake may take to close, after the last request. */
const closingSeconds = 5

/** Serves until the first interrupt, or until a client asks for the end. */
export async function serveUntilInterrupted(
  io: Io,
  lake: Awaited<ReturnType<typeof lakeOf>>,
  options: ListenOptions &
    McpFlags &
    Partial<Pick<ServeOptions, 'verbose' | 'allowDestructive'>> & {
      readonly telemetry?: Telemetry
    },
  started: (address: string) => Promise<void>,
): CommandResult {
  // Loaded here: no other command needs a service.
  const { serve } = await import('@mindtrace/service')
  const log = options.telemetry?.log ?? (await logOf(io, options))
  const timeoutSeconds = options.shutdownTimeout ?? 10
  io.onUncaught?.((error) => {
    // What is under way may be in any state: a new process is better than this one.
    log.error({ error }, 'nobody foresaw this: the process ends')
    io.exit?.(exitCode.failed)
  })
  const ended = Promise.withResolvers<void>()
  io.signal.addEventListener('abort', () => ended.resolve(), { once: true })
  if (io.signal.aborted) ended.resolve()
  await using service = await serve({
    lake,
    host: options.host,
    port: options.port,
    insecure: isSet(options.insecure, 'MINDTRACE_INSECURE', io.env),
    allowedHosts: options.allowedHost,
    corsOrigins: options.corsOrigin,
    hstsSeconds: options.hsts,
    access: {
      allowDestructive: options.allowDestructive,
      rates: { requestsPerSecond: options.rateLimit, concurrent: options.concurrency },
      auditDays: options.auditDays,
    },
    log,
    telemetry: options.telemetry,
    closeTimeoutMs: timeoutSeconds * 1000,
    mcp: mcpSettings(options, io.env),
    shutdown: () => ended.resolve(),
  })
  await started(service.address)
  await ended.promise
  log.info({ timeout_s: timeoutSeconds }, 'ending')
  setTimeout(
    () => {
      log.error({}, 'what runs does not end in time; the process ends without it')
      io.exit?.(exitCode.failed)
    },
    (timeoutSeconds + closingSeconds) * 1000,
  ).unref()
  return exitCode.done
}

/** One word, or the space-separated list of a variable. */
function gatherWords(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...text.split(/\s+/).filter((word) => word !== '')]
}

function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (Number.isSafeInteger(number) && number > 0) return number
    throw new MindtraceError('INVALID_INPUT', `${flag} ${text}: a whole number from 1 on`)
  }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port
  throw new MindtraceError('INVALID_INPUT', `--port ${text}: a whole number from 0 to 65535`)
}
