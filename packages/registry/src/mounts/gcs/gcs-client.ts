import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallOptions, errorMessage, MindtraceError } from '@mindtrace/core'
import { readingInPlace } from '../reading-agent.ts'
import type { GcsCredentials } from './gcs-credentials.ts'
import { GcsOutage, GcsRefusal, isTransient } from './gcs-errors.ts'

/** How long and how often requests are repeated that may succeed later. */
export interface GcsRetry {
  /** The first wait, doubled with every further one, and varied by chance. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** No wait begins that would end after so long since the first attempt. */
  readonly totalMs: number
  /** A connection without a byte for so long counts as broken. */
  readonly idleMs: number
}

/** A request of the JSON API. All that are sent here may be repeated: see the conditions of their senders. */
export interface GcsRequest extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Absolute, with its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Uint8Array | string | undefined
  /** Statuses that are given back beside those of success. */
  readonly accept?: readonly number[] | undefined
  /** Default true. Otherwise the caller repeats it, knowing more. */
  readonly repeat?: boolean | undefined
}

/** An answer whose body is still to be read, or destroyed. */
export interface GcsAnswer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: IncomingMessage
}

const maxDocumentBytes = 64 * 1024 * 1024

/**
 * Requests to a store that speaks Google's JSON API, repeated while it is in trouble. Of the SDK only the
 * credentials are used: its transfers know no `AbortSignal` and no `Retry-After`, and hold whole chunks twice.
 */
export class GcsClient {
  readonly #endpoint: URL
  readonly #credentials: GcsCredentials
  readonly #retry: GcsRetry
  readonly #agent: HttpAgent
  #isClosed = false

  constructor(endpoint: URL, credentials: GcsCredentials, retry: GcsRetry) {
    this.#endpoint = endpoint
    this.#credentials = credentials
    this.#retry = retry
    const Agent = endpoint.protocol === 'https:' ? HttpsAgent : HttpAgent
    // No bound on sockets: bodies that are open and not read would keep the rest from their turn.
    this.#agent = readingInPlace(new Agent({ keepAlive: true, maxFreeSockets: 32 }))
  }

  /** Sends a request and gives the JSON it is answered with. */
  async json<T>(request: GcsRequest): Promise<T> {
    return (await this.document<T>(request)).value
  }

  /** Sends a request and gives its answer with the JSON in it; `value` is `{}` when there is none. */
  document<T>(
    request: GcsRequest,
  ): Promise<{ readonly value: T; readonly status: number; readonly header: GcsAnswer['header'] }> {
    return this.#repeated(request, async () => {
      const { status, header, body } = await this.#send(request)
      return { value: parsed<T>(await textOf(body)), status, header }
    })
  }

  /** Sends a request and gives its answer as it begins. */
  open(request: GcsRequest): Promise<GcsAnswer> {
    return this.#repeated(request, async () => {
      const answer = await this.#send(request)
      answer.body.setTimeout(0) // from here on the reader sets the pace
      return answer
    })
  }

  /** The next bytes of a body; undefined at its end. @throws when none come for too long. */
  async nextOf(body: IncomingMessage, bytes: AsyncIterator<Uint8Array>) {
    const timer = setTimeout(() => body.destroy(silent(this.#retry.idleMs)), this.#retry.idleMs)
    try {
      const { value, done } = await bytes.next()
      return done === true ? undefined : (value as Uint8Array)
    } catch (error) {
      throw outage(error)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Waits before attempt number `failures + 1`. @throws `error` when it is one that lasts, or the time is up.
   */
  async pause(
    error: unknown,
    failures: number,
    { since, signal }: { readonly since: number; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    signal?.throwIfAborted()
    if (!isTransient(error)) throw error
    const { firstDelayMs, maxDelayMs, totalMs } = this.#retry
    const grown =
      Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
    const asked = error instanceof GcsRefusal ? error.retryAfterMs : 0
    const ms = Math.max(grown, asked)
    if (performance.now() - since + ms > totalMs) throw error
    try {
      await sleep(ms, undefined, { signal })
    } catch (interrupted) {
      signal?.throwIfAborted()
      throw interrupted
    }
  }

  close(): void {
    this.#isClosed = true
    this.#agent.destroy()
  }

  async #repeated<T>(request: GcsRequest, attempt: () => Promise<T>): Promise<T> {
    const since = performance.now()
    for (let failures = 1; ; failures++) {
      request.signal?.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        request.signal?.throwIfAborted()
        if (request.repeat === false) throw error
        await this.pause(error, failures, { since, signal: request.signal })
      }
    }
  }

  async #send(request: GcsRequest): Promise<GcsAnswer> {
    if (this.#isClosed) throw new MindtraceError('UNAVAILABLE', 'the mount is closed')
    const body = await this.#exchange(request, await this.#credentials.headers())
    const status = body.statusCode ?? 0
    const header = (name: string) => {
      const value = body.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    }
    if ((status >= 200 && status < 300) || request.accept?.includes(status) === true) {
      return { status, header, body }
    }
    throw new GcsRefusal(status, await textOf(body), header('retry-after'))
  }

  #exchange(
    { method, path, headers, body, signal }: GcsRequest,
    who: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    const send = this.#endpoint.protocol === 'https:' ? httpsRequest : httpRequest
    const length = body === undefined ? 0 : Buffer.byteLength(body)
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = send(new URL(path, this.#endpoint), {
      method,
      agent: this.#agent,
      headers: { ...headers, ...who, ...(method === 'GET' ? {} : { 'content-length': length }) },
      ...(signal === undefined ? {} : { signal }),
    })
    const { idleMs } = this.#retry
    request.setTimeout(idleMs, () => request.destroy(silent(idleMs)))
    request.on('response', resolve)
    request.on('error', (error) => reject(outage(error)))
    request.end(body)
    return promise
  }
}

async function textOf(body: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.byteLength
      if (sizeBytes > maxDocumentBytes) throw new Error('the answer is too long')
      chunks.push(chunk)
    }
  } catch (error) {
    throw outage(error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parsed<T>(text: string): T {
  try {
    return (text === '' ? {} : JSON.parse(text)) as T
  } catch (error) {
    throw outage(error)
  }
}

function outage(error: unknown): GcsOutage {
  return new GcsOutage(errorMessage(error), { cause: error })
}

function silent(idleMs: number): Error {
  return new Error(`no byte came for ${idleMs} ms`)
}
