import type { HttpBindings } from '@hono/node-server'
import type { Logger } from '@mindtrace/core'
import type { MiddlewareHandler } from 'hono'
import { loggedPath } from './request-path.ts'

/** Asked every few seconds by whatever watches the service: not worth a line each. */
const livenessPaths: ReadonlySet<string> = new Set([
  '/',
  '/docs',
  '/favicon.ico',
  '/health',
  '/healthz',
  '/heartbeat',
  '/openapi.json',
  '/ready',
  '/redoc',
  '/status',
])

/** One line at debug level for each request: never a body, a query or a header. */
export function requestLog(log: Logger): MiddlewareHandler {
  return async (context, next) => {
    const started = performance.now()
    await next()
    const { method, path } = context.req
    if (livenessPaths.has(path)) return
    const milliseconds = Math.round((performance.now() - started) * 10) / 10
    const line = { method, path: loggedPath(path) }
    const id = (context.env as Partial<HttpBindings> | undefined)?.outgoing?.getHeader(
      'x-request-id',
    )
    const named = id === undefined ? {} : { request_id: id }
    log.debug({ ...line, ...named, status: context.res.status, ms: milliseconds }, 'request')
  }
}
