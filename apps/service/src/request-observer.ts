import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '@mindtrace/core'
import { requestIdOf } from './access/request-id.ts'
import type { Metrics } from './metrics.ts'
import type { RequestContexts } from './request-context.ts'
import { loggedPath } from './request-path.ts'
import { createRouteNames } from './route-names.ts'
import type { Tracing } from './tracing.ts'

/** How a request ended: few values, since they are labels of a metric. */
export type Outcome = 'ok' | 'invalid' | 'refused' | 'limited' | 'failed' | 'aborted'

/** Asked every few seconds by whatever watches the service: not worth a line each, unless they fail. */
const quietRoutes: ReadonlySet<string> = new Set([
  'docs',
  'health',
  'heartbeat',
  'metrics',
  'openapi',
  'page',
  'ready',
  'status',
])

/** What a {@link RequestObserver} tells. */
export interface RequestObserverOptions {
  readonly contexts: RequestContexts
  readonly log: Logger
  readonly metrics?: Metrics | undefined
  readonly tracing?: Tracing | undefined
  /** Default `/mcp-server/mcp`. */
  readonly mcpPath?: string | undefined
}

/**
 * Follows each request from its head to the last byte of its answer: gives it an id, times it, and tells log,
 * metrics and traces how it ended. Of a request they get the method, the route's name, the status and ids; never a
 * body, a query or a header.
 */
export class RequestObserver {
  readonly #options: RequestObserverOptions
  readonly #routeNameOf: (method: string, path: string) => string

  constructor(options: RequestObserverOptions) {
    this.#options = options
    this.#routeNameOf = createRouteNames(options.mcpPath ?? '/mcp-server/mcp')
  }

  /** Runs what answers a request. */
  observe(incoming: IncomingMessage, outgoing: ServerResponse, answer: () => void): void {
    const { contexts, log, metrics, tracing } = this.#options
    const startedMs = performance.now()
    const { method = '', url = '', headers } = incoming
    const query = url.indexOf('?')
    const path = query < 0 ? url : url.slice(0, query)
    const route = this.#routeNameOf(method, path)
    const requestId = requestIdOf(headers['x-request-id'])
    outgoing.setHeader('x-request-id', requestId)
    const span = tracing?.begin({ method, route, requestId, headers })
    metrics?.began()
    outgoing.once('close', () => {
      const seconds = (performance.now() - startedMs) / 1000
      const status = outgoing.writableFinished ? outgoing.statusCode : 499
      const outcome = outcomeOf(status)
      metrics?.ended(route, outcome, seconds)
      span?.end(status)
      if (outcome === 'ok' && quietRoutes.has(route)) return
      log.debug(
        {
          request_id: requestId,
          ...(span?.traceId === undefined ? {} : { trace_id: span.traceId }),
          method,
          path: loggedPath(path),
          route,
          status,
          ms: Math.round(seconds * 10_000) / 10,
        },
        'request',
      )
    })
    contexts.run({ requestId, span }, answer)
  }
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return 'ok'
  if (status === 499) return 'aborted'
  if (status === 429) return 'limited'
  if (status === 401 || status === 403) return 'refused'
  return status < 500 ? 'invalid' : 'failed'
}
