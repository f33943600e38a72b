import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { type Logger, MindtraceError, silentLogger, systemErrorCode } from '@mindtrace/core'
import type { Hono } from 'hono'
import { CorsPolicy } from './cors.ts'
import { hostCheck } from './host-check.ts'
import type { Metrics } from './metrics.ts'
import { answerUnreadable, maxHeaderBytes } from './raw-answer.ts'
import { createRequestContexts } from './request-context.ts'
import { RequestObserver } from './request-observer.ts'
import { SlowBodies } from './slow-bodies.ts'

/** Where and how {@link startService} listens. */
export interface StartOptions {
  readonly app: Hono
  /** Default `127.0.0.1`. Any address that others can reach needs `asksForKeys` or `insecure`. */
  readonly host?: string | undefined
  /** Default 8080; 0 takes a free one. */
  readonly port?: number | undefined
  /** Whether callers are asked for a key: then others may reach it. Default false. */
  readonly asksForKeys?: boolean | undefined
  /** Listens where others can reach it although nobody is asked for a key. */
  readonly insecure?: boolean | undefined
  /**
   * Names by which the service may be addressed besides its own: those of proxies before it. On an address that others
   * can reach any name will do, unless some are given here.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Origins of other pages that may use the service, as `https://label.example`. Default: none. */
  readonly corsOrigins?: readonly string[] | undefined
  /** Tells browsers to use HTTPS for so many seconds: only behind a proxy that speaks it. Default: does not. */
  readonly hstsSeconds?: number | undefined
  /** How long the head of a request may take to arrive; default 30,000. */
  readonly headersTimeoutMs?: number | undefined
  /** How long a body may stop to arrive; default 30,000. */
  readonly bodyIdleTimeoutMs?: number | undefined
  /** How long a whole request may take to arrive; default an hour, for large uploads on slow lines. */
  readonly requestTimeoutMs?: number | undefined
  /** How long `close` lets requests under way go on; default 10,000. */
  readonly closeTimeoutMs?: number | undefined
  readonly log?: Logger | undefined
  /** Follows the requests. Default: one that logs them. */
  readonly observer?: RequestObserver | undefined
  /** Told of the connections. */
  readonly metrics?: Metrics | undefined
}

/** A service that listens. */
export interface RunningService extends AsyncDisposable {
  /** For example `http://127.0.0.1:8080`. */
  readonly address: string
  readonly port: number
  /**
   * Stops accepting, lets requests under way end within the time allowed, breaks off the others. Calling
   * it twice is fine.
   */
  close(): Promise<void>
}

/**
 * Listens on a port.
 *
 * @throws {@link MindtraceError} `CONFLICT` when the port is taken; `FORBIDDEN` for a host that others
 * can reach, without `insecure`; `INVALID_INPUT` for a host or port that can't be listened on.
 */
export async function startService(options: StartOptions): Promise<RunningService> {
  const { app, host = '127.0.0.1', port = 8080, log = silentLogger } = options
  const loopback = isLoopback(host)
  if (!loopback && options.insecure !== true && options.asksForKeys !== true) {
    throw new MindtraceError(
      'FORBIDDEN',
      `${host} can be reached by others, and this lake has no keys yet, so nobody would be asked for one: make one first (mindtrace keys create --role admin), or listen on 127.0.0.1, or say insecure (--insecure) if that is meant`,
    )
  }
  const allowedHosts = options.allowedHosts ?? []
  const cors = new CorsPolicy(options.corsOrigins ?? [])
  const strict = loopback || allowedHosts.length > 0
  const check = hostCheck({ names: [host, ...allowedHosts], strict, cors })
  const handlers = new Set<Promise<unknown>>()
  const followed = (answer: Response | Promise<Response>) => {
    if (!(answer instanceof Promise)) return answer
    const over = () => void handlers.delete(answer)
    handlers.add(answer)
    answer.then(over, over)
    return answer
  }
  const listener = getRequestListener((request, env) => {
    const { incoming, outgoing } = env as HttpBindings
    const refused = check(incoming)
    if (refused !== null) return refused
    const { origin } = incoming.headers
    if (origin !== undefined && cors.allows(origin)) {
      if (request.method === 'OPTIONS') return cors.preflight(origin)
      for (const [name, value] of Object.entries(cors.headers(origin))) {
        outgoing.setHeader(name, value)
      }
    }
    return followed(app.fetch(request, env))
  })
  const observer =
    options.observer ?? new RequestObserver({ contexts: createRequestContexts(), log })
  const always = headersOfAll(options.hstsSeconds)
  const slowBodies = new SlowBodies(options.bodyIdleTimeoutMs ?? 30_000)
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs ?? 30_000,
      requestTimeout: options.requestTimeoutMs ?? 3_600_000,
      connectionsCheckingInterval: Math.min(5_000, options.headersTimeoutMs ?? 5_000),
      keepAlive: true,
      noDelay: true,
      maxHeaderSize: maxHeaderBytes,
      // Found below, so that it is answered like anything else.
      requireHostHeader: false,
    },
    (incoming, outgoing) => {
      for (const [name, value] of always) outgoing.setHeader(name, value)
      observer.observe(incoming, outgoing, () => {
        // No route has it, and a request of the platform can't be made with TRACE: the app says 405, and what there is.
        if (!methods.has(incoming.method ?? '')) incoming.method = 'OTHER'
        const oddity = oddRequest(incoming)
        if (oddity !== undefined) return refuse(incoming, outgoing, oddity)
        slowBodies.watch(incoming, outgoing)
        void listener(incoming, outgoing)
      })
    },
  )
  server.on('clientError', (error, socket) => {
    const isAnswering = slowBodies.isAnswering(socket)
    answerUnreadable(error, socket, { headers: always, isAnswering, log })
  })
  options.metrics?.watch(server)
  const bound = await listen(server, host, port)
  const address = `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}`
  log.info({ address }, 'listening')

  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closeGracefully(server, handlers, options.closeTimeoutMs ?? 10_000).finally(() =>
      slowBodies[Symbol.dispose](),
    )
    return closed
  }
  return { address, port: bound, close, [Symbol.asyncDispose]: close }
}

/** Headers of every answer; a route may give its own value. */
function headersOfAll(hstsSeconds: number | undefined): [string, string][] {
  return [
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
    ...(hstsSeconds === undefined
      ? []
      : ([['strict-transport-security', `max-age=${hstsSeconds}`]] satisfies [string, string][])),
  ]
}

const methods: ReadonlySet<string> = new Set([
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
])
const maxUrl = 8_192
/** What a proxy and this service could read differently, had a request two of them. */
const onlyOnce: ReadonlySet<string> = new Set(['authorization', 'host', 'origin', 'x-api-key'])

interface Oddity {
  readonly status: number
  readonly detail: string
}

/** What no honest client sends, found before anything is made of the request. */
function oddRequest(incoming: IncomingMessage): Oddity | undefined {
  const { url = '', rawHeaders, headers, httpVersion } = incoming
  if (url.length > maxUrl) {
    return { status: 414, detail: `the address has more than ${maxUrl} characters` }
  }
  // `*`, or the whole address that a proxy would be asked for.
  if (!url.startsWith('/')) return { status: 400, detail: 'the address begins with a slash' }
  if (headers.host === undefined && httpVersion === '1.1') {
    return { status: 400, detail: 'the header host is missing' }
  }
  const seen = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase()
    if (!onlyOnce.has(name)) continue
    if (seen.has(name)) return { status: 400, detail: `the header ${name} was sent twice` }
    seen.add(name)
  }
  return undefined
}

function refuse(incoming: IncomingMessage, outgoing: ServerResponse, oddity: Oddity): void {
  const body = JSON.stringify({ detail: oddity.detail })
  outgoing.writeHead(oddity.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  outgoing.end(body)
  incoming.resume()
}

/** Whether only this machine can reach a host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen({ host, port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function listenError(cause: Error, host: string, port: number): MindtraceError {
  switch (systemErrorCode(cause)) {
    case 'EADDRINUSE':
      return new MindtraceError(
        'CONFLICT',
        `port ${port} of ${host} is in use; choose another with --port, or --port 0 for a free one`,
        { cause, details: { host, port } },
      )
    case 'EACCES':
      return new MindtraceError(
        'FORBIDDEN',
        `port ${port} may not be listened on by this user; choose one above 1023 with --port`,
        { cause, details: { host, port } },
      )
    default:
      return new MindtraceError(
        'INVALID_INPUT',
        `can't listen on ${host}:${port}: ${cause.message}`,
        { cause, details: { host, port } },
      )
  }
}

/** How often connections that have become idle are looked for while the last requests end. */
const idleCheckMs = 25

/** How long what was broken off may take to notice: it has been told by its signal. */
const brokenOffMs = 1_000

async function closeGracefully(
  server: Server,
  handlers: ReadonlySet<Promise<unknown>>,
  timeoutMs: number,
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  // Node closes the connections that are idle now; those that become so later would stay for seconds.
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs)
  const deadline = setTimeout(() => server.closeAllConnections(), timeoutMs)
  try {
    await ended
  } finally {
    clearInterval(idle)
    clearTimeout(deadline)
  }
  // Their connections are gone, but what they do ends after this, and has to be written down.
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const patience = setTimeout(resolve, brokenOffMs)
  await Promise.race([Promise.allSettled(handlers), late])
  clearTimeout(patience)
}
