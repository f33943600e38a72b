import type { HttpBindings } from '@hono/node-server'
import type { Logger, MindtraceError } from '@mindtrace/core'
import type { Hono } from 'hono'
import { errorResponse } from '../error-response.ts'
import { loggedPath } from '../request-path.ts'
import type { Gate } from './access.ts'
import type { Caller } from './guard.ts'
import { requestIdOf } from './request-id.ts'

/**
 * What asks for no key: whether the process lives, what the service can do, and the page that asks for the key. None of
 * it tells anything of the lake.
 */
const openPages: ReadonlySet<string> = new Set([
  '/',
  '/docs',
  '/health',
  '/openapi.json',
  '/ready',
  '/redoc',
])
const openTask = '/status'

/** Finds the {@link Caller} of a request. */
export type CallerOf = (request: Request) => Caller

/** Lets every request through the gate before any route sees it. */
export function addAdmission(app: Hono, gate: Gate, log: Logger): CallerOf {
  const callers = new WeakMap<Request, Caller>()

  app.use(async (context, next) => {
    const { raw, path, method } = context.req
    const outgoing = (context.env as Partial<HttpBindings> | undefined)?.outgoing
    // Over a socket it has one already: see `request-observer.ts`.
    const requestId =
      (outgoing?.getHeader('x-request-id') as string | undefined) ??
      requestIdOf(raw.headers.get('x-request-id'))
    if (isOpen(path, method)) {
      callers.set(raw, gate.open(requestId))
      return await next()
    }
    let leave: () => void
    try {
      const admitted = await gate.admit(raw, requestId)
      callers.set(raw, admitted.caller)
      leave = admitted.leave
    } catch (error) {
      return errorResponse(error as MindtraceError, { method, path: loggedPath(path) }, log)
    }
    if (outgoing === undefined) {
      await next()
      leave()
      return
    }
    // A payload is still being sent when its route has answered.
    outgoing.once('close', leave)
    await next()
  })

  return (request) => {
    const caller = callers.get(request)
    if (caller === undefined) throw new Error('a request came past the gate')
    return caller
  }
}

function isOpen(path: string, method: string): boolean {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  if (plain === openTask) return true
  return (method === 'GET' || method === 'HEAD') && openPages.has(plain)
}
