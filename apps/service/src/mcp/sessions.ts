import { randomUUID } from 'node:crypto'
import {
  type AuthInfo,
  type Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'

/** Bounds of the sessions that are kept in memory. */
export interface SessionLimits {
  /** At most this many; default 1,000. The one that was used longest ago makes room for a new one. */
  readonly count?: number | undefined
  /** A session without a request and without an open stream for so long is over; default 1,800,000. */
  readonly idleMs?: number | undefined
  /** A clock in milliseconds; default: one that never jumps. */
  readonly nowMs?: (() => number) | undefined
}

interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly server: Server
  /** Whose it is: nobody else's key opens it. */
  readonly owner: string
  /** Answers that are still being sent, an open stream among them. */
  answering: number
  usedAtMs: number
}

/**
 * The MCP sessions of this process, by their `Mcp-Session-Id`. What a client gets from one beside the
 * stateless way: a stream that the server may write to, and a way to cancel its requests.
 */
export class McpSessions {
  readonly #createServer: () => Server
  readonly #count: number
  readonly #idleMs: number
  readonly #nowMs: () => number
  /** In the order of use: the first was used longest ago. */
  readonly #sessions = new Map<string, Session>()

  constructor(createServer: () => Server, limits: SessionLimits = {}) {
    this.#createServer = createServer
    this.#count = limits.count ?? 1_000
    this.#idleMs = limits.idleMs ?? 1_800_000
    this.#nowMs = limits.nowMs ?? (() => performance.now())
  }

  /** Answers an `initialize` with a new session; undefined when as many as may be are answering just now. */
  async open(
    request: Request,
    parsedBody: unknown,
    authInfo: AuthInfo,
  ): Promise<Response | undefined> {
    this.#endIdle()
    if (!this.#makeRoom()) return undefined
    const server = this.#createServer()
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
      onsessionclosed: (id) => void this.#sessions.delete(id),
    })
    const owner = authInfo.clientId
    const session: Session = { transport, server, owner, answering: 0, usedAtMs: this.#nowMs() }
    await server.connect(transport)
    const response = await this.#answer(session, request, parsedBody, authInfo)
    if (transport.sessionId === undefined) await server.close()
    return response
  }

  /** Answers a request of a session; undefined when there is none of that id. */
  async answer(
    id: string,
    request: Request,
    parsedBody: unknown,
    authInfo: AuthInfo,
  ): Promise<Response | undefined> {
    this.#endIdle()
    const session = this.#sessions.get(id)
    if (session === undefined || session.owner !== authInfo.clientId) return undefined
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    return this.#answer(session, request, parsedBody, authInfo)
  }

  /** Ends the streams that would stay open for ever; what is being answered goes on. */
  endStreams(): void {
    for (const { transport } of this.#sessions.values()) transport.closeStandaloneSSEStream()
  }

  async #answer(
    session: Session,
    request: Request,
    parsedBody: unknown,
    authInfo: AuthInfo,
  ): Promise<Response> {
    session.answering += 1
    const sent = () => {
      session.answering -= 1
      session.usedAtMs = this.#nowMs()
    }
    try {
      const response = await session.transport.handleRequest(request, { parsedBody, authInfo })
      return watched(response, session.transport.sessionId, sent)
    } catch (error) {
      sent()
      throw error
    }
  }

  #endIdle(): void {
    const before = this.#nowMs() - this.#idleMs
    for (const [id, { answering, usedAtMs }] of this.#sessions) {
      if (answering === 0 && usedAtMs <= before) this.#end(id)
    }
  }

  #makeRoom(): boolean {
    if (this.#sessions.size < this.#count) return true
    for (const [id, { answering }] of this.#sessions) {
      if (answering > 0) continue
      this.#end(id)
      return true
    }
    return false
  }

  #end(id: string): void {
    const session = this.#sessions.get(id)
    this.#sessions.delete(id)
    void session?.server.close()
  }
}

/** The answer with the session's id, and a call when its body has gone out or the client has. */
function watched(response: Response, sessionId: string | undefined, sent: () => void): Response {
  const headers = new Headers(response.headers)
  if (sessionId !== undefined) headers.set('mcp-session-id', sessionId)
  if (response.body === null) sent()
  const body =
    response.body?.pipeThrough(new TransformStream({ flush: sent, cancel: sent })) ?? null
  return new Response(body, { status: response.status, headers })
}
