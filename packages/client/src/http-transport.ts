import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { connectionError, errorOf, isBrokenConnection } from './http-errors.ts'

/** What a {@link HttpTransport} needs to know. */
export interface TransportOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof fetch
  readonly timeoutMs: number
}

/** One request; `what` names it in messages. */
export interface LakeRequest extends CallOptions {
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestInit['body']
  /** Whether it may be sent once more when the connection breaks before the answer. */
  readonly repeatable: boolean
  /** How long the answer's head may take; 0 is for ever. */
  readonly timeoutMs?: number
}

/** Sends requests to one service and turns every failure into a MindtraceError. */
export class HttpTransport {
  readonly #options: TransportOptions
  readonly #closed = new AbortController()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /**
   * The answer, of which `read` gets what it needs within the same time limit.
   *
   * @throws {@link MindtraceError} the service's error; `UNAVAILABLE` when there is no answer; `TIMEOUT`;
   * the caller's abort reason as it is.
   */
  async request<Result>(
    request: LakeRequest,
    read: (response: Response) => Promise<Result> | Result,
  ): Promise<Result> {
    request.signal?.throwIfAborted()
    if (this.#closed.signal.aborted) throw this.#closed.signal.reason
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs
    const limit = new AbortController()
    const timer =
      timeoutMs === 0
        ? undefined
        : setTimeout(() => limit.abort(timedOut(request, timeoutMs)), timeoutMs)
    const signals = [limit.signal, this.#closed.signal]
    if (request.signal !== undefined) signals.push(request.signal)
    const signal = AbortSignal.any(signals)
    try {
      const response = await this.#send(request, signal)
      if (!response.ok) throw await errorOf(response, request.what)
      return await read(response)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw isMindtraceError(error)
        ? error
        : connectionError(error, request.what, this.#options.url)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends every request under way and refuses others. */
  close(): void {
    this.#closed.abort(
      new MindtraceError('UNAVAILABLE', `the lake at ${this.#options.url} was disposed`),
    )
  }

  async #send(request: LakeRequest, signal: AbortSignal): Promise<Response> {
    const { url, headers, fetch } = this.#options
    const init: RequestInit & { duplex?: 'half' } = {
      method: request.method,
      headers: { ...headers, ...request.headers },
      signal,
      redirect: 'manual',
    }
    if (request.body !== undefined) init.body = request.body
    if (request.body instanceof ReadableStream) init.duplex = 'half'
    try {
      return await fetch(`${url}${request.path}`, init)
    } catch (error) {
      if (!request.repeatable || signal.aborted || !isBrokenConnection(error)) throw error
      return fetch(`${url}${request.path}`, init)
    }
  }
}

function timedOut(request: LakeRequest, timeoutMs: number): MindtraceError {
  return new MindtraceError(
    'TIMEOUT',
    `${request.what}: no answer within ${timeoutMs / 1000} s; raise timeoutMs if it may take longer`,
    { details: { timeout_ms: timeoutMs } },
  )
}
