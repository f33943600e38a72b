import type { Lake, LakeVitals } from '@mindtrace/contract'
import { type Logger, silentLogger } from '@mindtrace/core'
import { Hono } from 'hono'
import { type Access, createAccess } from './access/access.ts'
import { addAdmission } from './access/admission.ts'
import { addDownloads } from './downloads.ts'
import { errorResponse } from './error-response.ts'
import { addEventRoutes } from './event-routes.ts'
import { addExplorer, type ExplorerFiles } from './explorer-files.ts'
import { jsonResponse } from './json-response.ts'
import { LakeEvents } from './lake-events.ts'
import { addMcp, type McpOptions } from './mcp/routes.ts'
import { addMethodNotAllowed } from './method-not-allowed.ts'
import { addMetrics, type Metrics } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import { addProbes } from './probes.ts'
import { createProcessTasks, type ServerInfo } from './process-tasks.ts'
import { addReferencePage } from './reference-page.ts'
import { loggedPath } from './request-path.ts'
import { createServiceCall } from './service-call.ts'
import { addStreamRoutes } from './stream-routes.ts'
import { addTaskRoutes } from './task-routes.ts'
import { addThumbnails, type Shrink } from './thumbnails.ts'

/** Limits of what one request may ask for. */
export interface Limits {
  /** Largest JSON body; default 256 MiB, since `objects.put` carries bytes as base64. */
  readonly bodyBytes?: number | undefined
  /** How much of a body may be anything but such bytes; default 64 MiB. It is parsed at one go. */
  readonly jsonBytes?: number | undefined
}

/** What {@link createApp} wires together. */
export interface AppOptions {
  readonly lake: Lake
  /** Keys, limits and audit log. Default: nobody is asked for a key, what destroys is refused. */
  readonly access?: Access | undefined
  readonly serverInfo: ServerInfo
  /** Default: says nothing. */
  readonly log?: Logger | undefined
  readonly limits?: Limits | undefined
  /** The explorer's files; without them `/` is a plain page. */
  readonly explorer?: ExplorerFiles | undefined
  /** Lets `POST /shutdown` end the process; without it that task is refused. */
  readonly shutdown?: (() => void) | undefined
  /** Makes thumbnails; default: by the package `sharp`, if it is installed. */
  readonly loadShrink?: (() => Promise<Shrink | undefined>) | undefined
  readonly mcp?: McpOptions | undefined
  /** Whether the parts of the lake answer, for `/ready`. Default: its task `health` is asked. */
  readonly vitals?: LakeVitals | undefined
  /** What `/metrics` tells; without them there is no such page. */
  readonly metrics?: Metrics | undefined
  /** Aborts when the service ends, for answers that would stay open for ever. */
  readonly ending?: AbortSignal | undefined
}

/**
 * The HTTP application over a lake: every task of the table, the streamed routes, the OpenAPI document
 * MCP and probes. It holds no state of its own but the sessions of MCP, so any number of processes may
 * serve one lake.
 */
export function createApp(options: AppOptions): Hono {
  const { lake, serverInfo, log = silentLogger, limits = {}, explorer, shutdown } = options
  const { access = createAccess(), mcp, ending } = options
  const app = new Hono({ strict: false })
  const bodyLimitBytes = limits.bodyBytes ?? 256 * 1024 * 1024
  const jsonBytes = Math.min(limits.jsonBytes ?? 64 * 1024 * 1024, bodyLimitBytes)
  const call = createServiceCall(lake, createProcessTasks(serverInfo, shutdown))
  const gate = access.guard({ call, streams: lake.streams })

  addDownloads(app, { lake, log })
  // The pages' own files come before the gate: it is the page that asks for the key.
  addReferencePage(app)
  addExplorer(app, explorer)
  const callerOf = addAdmission(app, gate, log)
  addTaskRoutes(app, { callerOf, log, limits: { bodyBytes: bodyLimitBytes, jsonBytes } })
  addStreamRoutes(app, { callerOf, log, jsonBytes })
  const events = new LakeEvents({
    list: (input, asked) => lake.call('audit.list', input, asked),
    log,
  })
  addEventRoutes(app, { callerOf, events, log, ending })
  addThumbnails(app, { lake, callerOf, log, loadShrink: options.loadShrink })
  const { version } = serverInfo
  addMcp(app, { ...mcp, callerOf, version, log, bodyLimitBytes: jsonBytes, ending })
  addProbes(app, { lake, vitals: options.vitals, ending, log })
  addMetrics(app, { callerOf, metrics: options.metrics })
  addOpenApi(app, serverInfo.version)
  addMethodNotAllowed(app)

  app.notFound(() => jsonResponse({ detail: 'Not Found' }, 404))
  app.onError((error, { req: { method, path } }) =>
    errorResponse(error, { method, path: loggedPath(path) }, log),
  )
  return app
}

/** `GET /openapi.json`, made when it is first asked for. */
function addOpenApi(app: Hono, version: string): void {
  let document: unknown
  app.get('/openapi.json', () => {
    document ??= openApiDocument(version)
    return jsonResponse(document, 200, { 'cache-control': 'no-cache' })
  })
}
