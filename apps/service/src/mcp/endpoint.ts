import { errorMessage, isMindtraceError } from '@mindtrace/core'
import {
  type AuthInfo,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server'
import type { CallerOf } from '../access/admission.ts'
import type { Caller } from '../access/guard.ts'
import { jsonResponse } from '../json-response.ts'
import { readJsonBody } from '../request-body.ts'
import { type McpServerParts, mcpServerFactory } from './server.ts'
import { McpSessions, type SessionLimits } from './sessions.ts'

/** What {@link createMcpEndpoint} serves, and within which bounds. */
export interface McpEndpointOptions extends Omit<McpServerParts, 'callerOf'> {
  readonly callerOf: CallerOf
  readonly bodyLimitBytes: number
  /** False: none are opened, every request stands for itself. */
  readonly sessions: SessionLimits | false
  /** Aborts when the service ends: streams that would stay open for ever end too. */
  readonly ending?: AbortSignal | undefined
}

/**
 * MCP over streamable HTTP. Who says `initialize` gets a session; a request that names none is answered for
 * itself, so nobody needs one. The protocol of 2026 knows no sessions.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
 */
export function createMcpEndpoint(
  options: McpEndpointOptions,
): (request: Request) => Promise<Response> {
  const { bodyLimitBytes, log, ending } = options
  const createServer = mcpServerFactory({
    ...options,
    // What the protocol hands on of a request: the gate has looked at the key, which goes no further.
    callerOf: ({ http }) => http?.authInfo?.extra?.caller as Caller,
  })
  const stateless = createMcpHandler(createServer, {
    maxRequestBodySize: bodyLimitBytes,
    // Nothing that could be subscribed to ever changes.
    maxSubscriptions: 0,
    onerror: (error) => log.debug({ error: errorMessage(error) }, 'MCP'),
  })
  const sessions =
    options.sessions === false ? undefined : new McpSessions(createServer, options.sessions)
  ending?.addEventListener('abort', () => sessions?.endStreams(), { once: true })

  return async (request) => {
    let body: unknown
    if (request.method === 'POST') {
      try {
        body = await readJsonBody(request, bodyLimitBytes)
      } catch (error) {
        if (!isMindtraceError(error)) throw error
        if (error.code === 'TOO_LARGE') return refusal(413, error.message)
        return refusal(400, error.message, ProtocolErrorCode.ParseError)
      }
      if (body === undefined) return refusal(400, 'the body is empty', ProtocolErrorCode.ParseError)
    }
    const caller = options.callerOf(request)
    const { id } = caller.principal
    const authInfo = { token: '', clientId: id, scopes: [], extra: { caller } }
    const answered = sessions && (await answerInSession(sessions, request, body, authInfo))
    return answered ?? stateless.fetch(request, { parsedBody: body, authInfo })
  }
}

/** The answer of a session, new or named; undefined for a request that needs none. */
async function answerInSession(
  sessions: McpSessions,
  request: Request,
  body: unknown,
  authInfo: AuthInfo,
): Promise<Response | undefined> {
  const { method } = request
  if (method === 'POST' && !(await isLegacyRequest(request, body))) return undefined
  const id = request.headers.get('mcp-session-id')
  if (id !== null) {
    return (await sessions.answer(id, request, body, authInfo)) ?? refusal(404, 'Session not found')
  }
  if (method === 'POST' && isInitializeRequest(body)) {
    return (
      (await sessions.open(request, body, authInfo)) ?? refusal(503, 'Too many sessions are in use')
    )
  }
  const needsSession = method === 'GET' || method === 'DELETE'
  return needsSession ? refusal(400, 'Bad Request: Missing session ID') : undefined
}

function refusal(
  status: number,
  message: string,
  code = ProtocolErrorCode.InvalidRequest,
): Response {
  return jsonResponse({ jsonrpc: '2.0', id: null, error: { code, message } }, status)
}
