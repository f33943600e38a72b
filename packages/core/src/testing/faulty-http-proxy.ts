import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestOf,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { type Endpoint, FaultyProxy } from './faulty-proxy.ts'

/** What a {@link FaultyHttpProxy} answers instead of the server. */
export interface InsteadAnswer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: string | undefined
  /** The requests that are meant. Default: all. */
  readonly only?: Choice | undefined
}

/** The requests that a fault is for. */
type Choice = (request: { readonly method: string; readonly path: string }) => boolean

/**
 * A bad network and a server in trouble, for tests: requests reach the real server byte for byte, their `Host` as the client
 * wrote it, unless an answer was laid ready for them.
 */
export class FaultyHttpProxy implements AsyncDisposable {
  /** The network between the client and this proxy, with the faults of TCP. */
  readonly wire: FaultyProxy
  /** Where clients connect, instead of the server: `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly #http: Server
  readonly #target: Endpoint
  #answers: readonly InsteadAnswer[] = []
  #losses: readonly Choice[] = []

  private constructor(target: Endpoint, http: Server, wire: FaultyProxy) {
    this.#target = target
    this.#http = http
    this.wire = wire
    this.url = `http://127.0.0.1:${wire.port}`
    http.on('request', (request, response) => {
      this.#handle(request, response).catch(() => request.socket.resetAndDestroy())
    })
  }

  /** Starts one on a free port, without a fault. */
  static async start(target: Endpoint): Promise<FaultyHttpProxy> {
    const http = createServer({ requestTimeout: 0 }).listen(0, '127.0.0.1')
    await once(http, 'listening')
    const { port } = http.address() as AddressInfo
    return new FaultyHttpProxy(target, http, await FaultyProxy.start({ host: '127.0.0.1', port }))
  }

  /** The next so many requests are answered with this; the server does not see them. */
  answerNext(count: number, answer: InsteadAnswer): void {
    this.#answers = [...this.#answers, ...Array.from({ length: count }, () => answer)]
  }

  /** The server does the next of these requests, and the connection is reset instead of its answer. */
  loseNextAnswer(only: Choice = () => true): void {
    this.#losses = [...this.#losses, only]
  }

  /** How many of the answers that were laid ready no request has met yet. */
  get unanswered(): number {
    return this.#answers.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire[Symbol.asyncDispose]()
    const closed = once(this.#http, 'close')
    this.#http.close()
    this.#http.closeAllConnections()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = this.#answerOf(request)
    if (answer === undefined) return this.#forward(request, response)
    request.resume()
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  #answerOf({ method = '', url: path = '' }: IncomingMessage): InsteadAnswer | undefined {
    const at = this.#answers.findIndex(({ only }) => only?.({ method, path }) ?? true)
    const answer = this.#answers[at]
    this.#answers = this.#answers.filter((_, index) => index !== at)
    return answer
  }

  #isLost({ method = '', url: path = '' }: IncomingMessage): boolean {
    const at = this.#losses.findIndex((only) => only({ method, path }))
    this.#losses = this.#losses.filter((_, index) => index !== at)
    return at >= 0
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url: path, rawHeaders: headers } = request
    const upstream = requestOf({ ...this.#target, method, path, headers, agent: false })
    const answered = once(upstream, 'response') as Promise<[IncomingMessage]>
    // The server may answer before it has read all, and close.
    pipeline(request, upstream).catch(() => undefined)
    response.once('close', () => upstream.destroy())
    const [answer] = await answered
    if (this.#isLost(request)) {
      answer.resume()
      await once(answer, 'end')
      request.socket.resetAndDestroy()
      return
    }
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
    await pipeline(answer, response)
  }
}
