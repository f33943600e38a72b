import { randomUUID } from 'node:crypto'
import { access, mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Lake, LakeAccess, LakeVitals } from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'
import { type AccessOptions, createAccess } from './access/access.ts'
import { createApp, type Limits } from './app.ts'
import type { McpOptions } from './mcp/routes.ts'
import { Metrics } from './metrics.ts'
import { RequestObserver } from './request-observer.ts'
import { type RunningService, type StartOptions, startService } from './start-service.ts'
import { openTelemetry, type Telemetry } from './telemetry.ts'
import { startUploadReconciler } from './upload-reconciler.ts'
import { packageFolder, packageVersion } from './version.ts'

/** What {@link serve} takes: a lake, and where to listen. */
export interface ServeOptions
  extends Omit<StartOptions, 'app' | 'asksForKeys' | 'observer' | 'metrics'> {
  /** A lake in this process brings its keys, its audit log and its vitals along. */
  readonly lake: Lake & { readonly access?: LakeAccess; readonly vitals?: LakeVitals }
  /** Limits of each key, what is served at all, how long the audit log is kept. */
  readonly access?: Omit<AccessOptions, 'lake' | 'log'> | undefined
  readonly limits?: Limits | undefined
  readonly mcp?: McpOptions | undefined
  /** Called when a client asks for the end; without it `POST /shutdown` is refused. */
  readonly shutdown?: (() => void) | undefined
  /** Default: a folder of this user's under the system's temporary one. */
  readonly pidFolder?: string | undefined
  readonly log?: Logger | undefined
  /** Log and traces, shared with the lake, in place of `log`. Default: `log`, and no traces. */
  readonly telemetry?: Telemetry | undefined
  /**
   * How often uploads that nobody completed are looked for; default 30, as the Python service's
   * `upload_reconcile_interval_seconds`. 0 leaves that to other processes.
   */
  readonly uploadReconcileIntervalSeconds?: number | undefined
}

/**
 * Serves a lake over HTTP, with the explorer's page at `/` where it is installed. Closing the service
 * leaves the lake open: it is the caller's.
 *
 * @throws what {@link startService} throws.
 */
export async function serve(options: ServeOptions): Promise<RunningService> {
  const serverId = randomUUID()
  const pidFile = join(
    options.pidFolder ?? join(tmpdir(), `mindtrace-${process.getuid?.() ?? 'user'}`),
    `DatalakeService_${serverId}_pid.txt`,
  )
  const ending = new AbortController()
  const { lake } = options
  // What is opened here goes again when the port can't be had.
  await using opened = new AsyncDisposableStack()
  const telemetry = options.telemetry ?? opened.use(await openTelemetry({ log: options.log }))
  const { log, contexts, tracing } = telemetry
  const version = packageVersion()
  const metrics = opened.use(new Metrics({ version, vitals: lake.vitals }))
  const mcpPath = options.mcp?.path
  const observer = new RequestObserver({ contexts, log, metrics, tracing, mcpPath })
  const access = createAccess({ ...options.access, lake: lake.access, log })
  metrics.gauge(
    'mindtrace_audit_waiting',
    'Entries of the audit log that are not written yet.',
    () => access.waiting(),
  )
  const app = createApp({
    lake,
    access,
    serverInfo: { serverId, pidFile, version },
    vitals: lake.vitals,
    metrics,
    explorer: await findExplorer(),
    log,
    limits: options.limits,
    mcp: options.mcp,
    shutdown: options.shutdown,
    ending: ending.signal,
  })
  const asksForKeys = await access.required()
  // Before anybody can ask for it.
  await mkdir(dirname(pidFile), { recursive: true, mode: 0o700 })
  opened.defer(() => rm(pidFile, { force: true }))
  await writeFile(pidFile, `${process.pid}\n`)
  const service = await startService({ ...options, log, app, asksForKeys, observer, metrics })
  const kept = opened.move()
  const uploads = startUploadReconciler(options.lake, {
    intervalMs: (options.uploadReconcileIntervalSeconds ?? 30) * 1000,
    log,
  })
  let closed: Promise<void> | undefined
  const close = () => {
    ending.abort()
    closed ??= end()
    return closed
  }
  const end = async () => {
    try {
      await service.close()
    } finally {
      await uploads[Symbol.asyncDispose]()
      // After the last request: what it did is in the audit log before the lake is closed.
      await access[Symbol.asyncDispose]()
      await kept.disposeAsync()
    }
  }
  return { address: service.address, port: service.port, close, [Symbol.asyncDispose]: close }
}

/** The folder of the built explorer, or undefined where it is not installed or not built. */
async function findExplorer(): Promise<{ readonly root: string } | undefined> {
  try {
    const ours = createRequire(join(packageFolder(), 'package.json'))
    const manifest = ours.resolve('@mindtrace/explorer/package.json')
    const root = join(dirname(manifest), 'dist')
    await access(join(root, 'index.html'))
    return { root }
  } catch {
    return undefined
  }
}
