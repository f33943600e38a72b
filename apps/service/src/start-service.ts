import { createServer, type Server } from 'node:http'
import { isIP } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { type Logger, MindtraceError, silentLogger, systemErrorCode } from '@mindtrace/core'
import type { Hono } from 'hono'
import { hostCheck } from './host-check.ts'

/** Where and how {@link startService} listens. */
export interface StartOptions {
  readonly app: Hono
  /** Default `127.0.0.1`. Any address that others can reach needs `insecure`. */
  readonly host?: string | undefined
  /** Default 8080; 0 takes a free one. */
  readonly port?: number | undefined
  /** Listens where others can reach it although nobody is asked for a key. */
  readonly insecure?: boolean | undefined
  /** Names by which a loopback service may be addressed besides its own, for a proxy before it. */
  readonly allowedHosts?: readonly string[] | undefined
  /** How long the head of a request may take to arrive; default 30,000. */
  readonly headersTimeoutMs?: number | undefined
  /** How long a whole request may take to arrive; default an hour, for large uploads on slow lines. */
  readonly requestTimeoutMs?: number | undefined
  /** How long `close` lets requests under way go on; default 10,000. */
  readonly closeTimeoutMs?: number | undefined
  readonly log?: Logger | undefined
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
  if (!loopback && options.insecure !== true) {
    throw new MindtraceError(
      'FORBIDDEN',
      `${host} can be reached by others and nobody would be asked for a key; say insecure (--insecure) if that is meant, or listen on 127.0.0.1`,
    )
  }
  const check = hostCheck({ names: [host, ...(options.allowedHosts ?? [])], loopback })
  const listener = getRequestListener((request, env) => check(request) ?? app.fetch(request, env))
  const server = createServer(
    {
      headersTimeout: options.headersTimeoutMs ?? 30_000,
      requestTimeout: options.requestTimeoutMs ?? 3_600_000,
      keepAlive: true,
      noDelay: true,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  const bound = await listen(server, host, port)
  const address = `http://${isIP(host) === 6 ? `[${host}]` : host}:${bound}`
  log.info({ address }, 'listening')

  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= closeGracefully(server, options.closeTimeoutMs ?? 10_000)
    return closed
  }
  return { address, port: bound, close, [Symbol.asyncDispose]: close }
}

/** Whether only this machine can reach a host. */
function isLoopback(host: string): boolean {
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

async function closeGracefully(server: Server, timeoutMs: number): Promise<void> {
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
}
