import { type ErrorCode, errorMessage, MindtraceError } from '@mindtrace/core'

// @see https://cloud.google.com/storage/docs/json_api/v1/status-codes
const codes: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['INVALID_INPUT', 'the store refuses the request'],
  401: [
    'FORBIDDEN',
    'the credentials are not accepted; renew them: gcloud auth application-default login',
  ],
  403: ['FORBIDDEN', 'this account may not; it needs roles/storage.objectAdmin on the bucket'],
  404: ['NOT_FOUND', 'it does not exist'],
  409: ['CONFLICT', 'it conflicts with the state of the store'],
  412: ['PRECONDITION_FAILED', 'the store has something else there'],
  413: ['TOO_LARGE', 'the store takes no object of this size'],
  416: ['RANGE_NOT_SATISFIABLE', 'the range starts past the end'],
}
const transient = new Set([408, 429, 500, 502, 503, 504])
const rateReasons = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded'])

/** An answer of the store that is no success. Its message is the store's own. */
export class GcsRefusal extends Error {
  readonly status: number
  readonly reason: string
  /** What the store asks to wait before the request is repeated. */
  readonly retryAfterMs: number

  static {
    GcsRefusal.prototype.name = 'GcsRefusal'
  }

  constructor(status: number, text: string, retryAfter: string | undefined) {
    const { message, reason } = parsedRefusal(text)
    super(message === '' ? `status ${status}` : `status ${status}: ${message}`)
    this.status = status
    this.reason = reason
    this.retryAfterMs = parsedRetryAfter(retryAfter)
  }
}

/** No answer, or half of one: the network, or a server that went away. */
export class GcsOutage extends Error {
  static {
    GcsOutage.prototype.name = 'GcsOutage'
  }
}

/** Whether the same request may succeed a little later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof GcsOutage) return true
  if (!(error instanceof GcsRefusal)) return false
  return transient.has(error.status) || rateReasons.has(error.reason)
}

/**
 * An error of a request as ours, naming the place and the remedy. Any other (of the stream that was to be
 * written, the reason of an abort) is given back as it is.
 */
export function gcsError(cause: unknown, action: string, place: string): unknown {
  if (isTransient(cause)) {
    const text = `cannot ${action} '${place}': the store does not answer; repeat it later (${errorMessage(cause)})`
    return new MindtraceError('UNAVAILABLE', text, { cause, details: { place } })
  }
  if (!(cause instanceof GcsRefusal)) return cause
  const { status } = cause
  const [code, text] = codes[status] ?? ['UNAVAILABLE', 'the store answers strangely']
  const message = `cannot ${action} '${place}': ${text} (${cause.message})`
  return new MindtraceError(code, message, { cause, details: { place, status } })
}

/** Whether an error is an answer of this status. */
export function isRefusal(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof GcsRefusal && statuses.includes(error.status)
}

/** Whether an answer says that there is no such bucket, not only no such object. */
export function isBucketMissing(error: unknown): boolean {
  return error instanceof GcsRefusal && error.status === 404 && /bucket/i.test(error.message)
}

/** A bucket that has not been made, or is misspelt. */
export function noBucket(bucket: string, cause: unknown): MindtraceError {
  return new MindtraceError(
    'NOT_FOUND',
    `bucket '${bucket}' does not exist; the first write creates it, or: gcloud storage buckets create gs://${bucket}`,
    { cause, details: { bucket } },
  )
}

function parsedRefusal(text: string): { readonly message: string; readonly reason: string } {
  try {
    const { error } = JSON.parse(text) as {
      error?: { message?: string; errors?: { reason?: string }[] }
    }
    return { message: error?.message ?? '', reason: error?.errors?.[0]?.reason ?? '' }
  } catch {
    return { message: text.slice(0, 200), reason: '' }
  }
}

/** Seconds, or a date. @see RFC 9110, 10.2.3 */
function parsedRetryAfter(value: string | undefined): number {
  if (value === undefined) return 0
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) && ms > 0 ? ms : 0
}
