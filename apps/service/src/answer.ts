import { isMindtraceError, type Logger } from '@mindtrace/core'
import type { Context } from 'hono'
import { errorResponse, type FailedRequest } from './error-response.ts'
import { loggedPath } from './request-path.ts'

/** Never seen by anyone: the connection is gone. The number is nginx's for "client closed request". */
const clientGone = () => new Response(null, { status: 499 })

/** Runs a handler; whatever it throws becomes the answer. */
export async function answer(
  context: Context,
  log: Logger,
  handle: (failed: { body?: unknown; task?: string }) => Promise<Response>,
): Promise<Response> {
  const about: { body?: unknown; task?: string } = {}
  try {
    return await handle(about)
  } catch (error) {
    if (context.req.raw.signal.aborted && !isMindtraceError(error)) return clientGone()
    const { method, path } = context.req
    const request: FailedRequest = { method, path: loggedPath(path), ...about }
    return errorResponse(error, request, log)
  }
}
