import type { Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import type { CallerOf } from '../access/admission.ts'
import { answer } from '../answer.ts'
import type { SessionLimits } from './sessions.ts'
import type { ToolSelection } from './tools.ts'

/** What MCP clients get. */
export interface McpOptions {
  /** Default: the 14 tools of the Python service; `all`: every task that changes nothing. */
  readonly tools?: ToolSelection | undefined
  /** Default `/mcp-server/mcp`. */
  readonly path?: string | undefined
  /**
   * Bounds of the sessions. They lie in this process: false where several stand behind one address, then
   * every request is answered for itself.
   */
  readonly sessions?: SessionLimits | false | undefined
}

/** What the route of MCP needs. */
export interface McpRouteOptions extends McpOptions {
  readonly callerOf: CallerOf
  readonly version: string
  readonly log: Logger
  readonly bodyLimitBytes: number
  readonly ending?: AbortSignal | undefined
}

/** MCP's one path. The protocol's code is loaded when the first client comes: a service starts without. */
export function addMcp(app: Hono, options: McpRouteOptions): void {
  const { path = '/mcp-server/mcp', tools = 'default', sessions = {}, log } = options
  let endpoint: Promise<(request: Request) => Promise<Response>> | undefined
  app.all(path, (context) =>
    answer(context, log, async () => {
      endpoint ??= import('./endpoint.ts').then(({ createMcpEndpoint }) =>
        createMcpEndpoint({ ...options, tools, sessions }),
      )
      return (await endpoint)(context.req.raw)
    }),
  )
}
