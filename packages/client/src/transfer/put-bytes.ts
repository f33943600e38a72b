import { type CallOptions, errorMessage, MindtraceError } from '@mindtrace/core'

/** A signed request as the lake gives it. */
export interface SignedPut {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** How bytes are put. */
export interface PutOptions extends CallOptions {
  readonly fetch: typeof fetch
  /** A request for the same bytes, signed anew: one that has expired is replaced. */
  readonly sign: () => Promise<SignedPut>
}

const attempts = 6
const firstPauseMs = 200

/**
 * Sends bytes to a store by a signed PUT, with their length, and again after failures that may pass.
 *
 * @throws {@link MindtraceError} `UNAVAILABLE` when it does not get through, `FORBIDDEN` when the store
 * refuses a fresh signature, `NOT_FOUND` when the place is gone.
 */
export async function putBytes(
  bytes: Uint8Array<ArrayBuffer> | Blob,
  options: PutOptions,
): Promise<void> {
  const { sign, signal } = options
  let request = await sign()
  let isResigned = false
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    const failure = await attemptPut(bytes, request, options)
    if (failure === undefined) return
    if (failure.status === 403 && !isResigned) {
      isResigned = true
      request = await sign()
      continue
    }
    if (!failure.mayPass || attempt === attempts) throw failure.error
    const pauseMs = failure.afterMs ?? firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random())
    await pause(pauseMs, signal)
  }
}

interface Failure {
  readonly status: number | undefined
  readonly mayPass: boolean
  readonly afterMs?: number | undefined
  readonly error: MindtraceError
}

async function attemptPut(
  bytes: Uint8Array<ArrayBuffer> | Blob,
  { url, headers }: SignedPut,
  { fetch, signal }: PutOptions,
): Promise<Failure | undefined> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'PUT',
      headers,
      body: bytes,
      redirect: 'error',
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    signal?.throwIfAborted()
    // Not the address: it is a key.
    const message = `${new URL(url).host} did not take the upload: ${errorMessage(cause)}`
    const error = new MindtraceError('UNAVAILABLE', message, { cause })
    return { status: undefined, mayPass: true, error }
  }
  const text = await response.text().catch(() => '')
  if (response.ok) return undefined
  const { status } = response
  const reason = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1] ?? response.statusText
  const code = status === 404 ? 'NOT_FOUND' : status < 500 ? 'FORBIDDEN' : 'UNAVAILABLE'
  const retryAfter = Number(response.headers.get('retry-after'))
  return {
    status,
    mayPass: status >= 500 || status === 429 || status === 408,
    afterMs: retryAfter > 0 ? Math.min(retryAfter, 60) * 1000 : undefined,
    error: new MindtraceError(
      code,
      `${new URL(url).host} answered ${status} ${reason} to the upload`,
      { details: { status } },
    ),
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
