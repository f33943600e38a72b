import { errorMessage, type Logger } from '@mindtrace/core'
import {
  type AuthInfo,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type Tool,
} from '@modelcontextprotocol/server'
import type { Caller } from '../access/guard.ts'
import { failureText } from './failure-text.ts'
import { listResources, readResource, resourceTemplates } from './resources.ts'
import { callTool, listTools, type ToolSelection } from './tools.ts'

/** What an MCP server is made of. */
export interface McpServerParts {
  /** Who asks, and with that their way to the lake. */
  readonly callerOf: (context: McpContext) => Pick<Caller, 'call' | 'streams'>
  readonly tools: ToolSelection
  readonly version: string
  readonly log: Logger
}

/** What the protocol tells of a request. */
export interface McpContext {
  readonly mcpReq: { readonly signal: AbortSignal }
  readonly http?: { readonly req?: Request; readonly authInfo?: AuthInfo } | undefined
}

const instructions =
  'A datalake for computer vision: assets (images and other payloads), datums (samples made of assets with annotations) and versioned datasets of datums. Lists are read by pages with `limit` and `cursor`; times are UTC.'

/**
 * A function that makes servers of one kind. Each serves one connection, session or request, and holds
 * nothing but its protocol state.
 */
export function mcpServerFactory({ callerOf, tools, version, log }: McpServerParts) {
  let listed: readonly Tool[] | undefined
  const partsOf = (context: McpContext) => {
    const { call, streams } = callerOf(context)
    return { call, streams }
  }
  return (): Server => {
    const server = new Server(
      { name: 'DatalakeService mcp server.', version: `Mindtrace ${version}` },
      { capabilities: { tools: {}, resources: {} }, instructions },
    )
    server.setRequestHandler('tools/list', () => {
      // Not before somebody asks: making the schemas takes a while.
      listed ??= listTools(tools)
      return { tools: [...listed] }
    })
    server.setRequestHandler('tools/call', ({ params }, context) =>
      callTool(tools, params.name, params.arguments, {
        call: callerOf(context).call,
        log,
        signal: signalOf(context),
      }),
    )
    server.setRequestHandler('resources/templates/list', () => ({
      resourceTemplates: [...resourceTemplates],
    }))
    server.setRequestHandler('resources/list', ({ params }, context) =>
      explained('resources/list', log, () =>
        listResources(params?.cursor, { ...partsOf(context), signal: signalOf(context) }),
      ),
    )
    server.setRequestHandler('resources/read', ({ params }, context) =>
      explained('resources/read', log, () =>
        readResource(params.uri, { ...partsOf(context), signal: signalOf(context) }),
      ),
    )
    server.onerror = (error) => log.debug({ error: errorMessage(error) }, 'MCP')
    return server
  }
}

/** Aborts when the client cancels, or goes while it waits. */
function signalOf(context: McpContext): AbortSignal {
  const connection = context.http?.req?.signal
  const { signal } = context.mcpReq
  return connection === undefined ? signal : AbortSignal.any([signal, connection])
}

/** The protocol would tell a client the text of any error: here only what is meant for it. */
async function explained<Result>(
  path: string,
  log: Logger,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    const text = await failureText(error, { path }, log)
    throw new ProtocolError(ProtocolErrorCode.InternalError, text)
  }
}
