import { errorCodeHeader } from '@mindtrace/contract'
import {
  type ErrorCode,
  errorCodes,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'
import { decodeHeader, wireHeaders } from './wire.ts'

/** The code of an answer that names none, as the Python service's. */
const codeByStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'NOT_IMPLEMENTED',
  409: 'CONFLICT',
  412: 'PRECONDITION_FAILED',
  413: 'TOO_LARGE',
  416: 'RANGE_NOT_SATISFIABLE',
  422: 'VALIDATION_FAILED',
  429: 'RATE_LIMITED',
  501: 'NOT_IMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'TIMEOUT',
  507: 'STORAGE_FULL',
}

/** An answer that is not what was asked for, as the error that the lake threw over there. */
export async function errorOf(response: Response, what: string): Promise<MindtraceError> {
  const text = await response.text().catch(() => '')
  const { status } = response
  const detail = detailIn(text)
  const sent = response.headers.get(errorCodeHeader)
  if (sent === null && status === 404 && detail === 'Not Found') {
    return new MindtraceError('NOT_IMPLEMENTED', `${what}: the service does not know it`, {
      details: { status },
    })
  }
  const code = knownCode(sent) ?? codeByStatus[status] ?? 'INTERNAL'
  const decoded = decodeHeader(response.headers.get(wireHeaders.errorDetails))
  const details: Record<string, unknown> = {
    ...(typeof decoded === 'object' && decoded !== null ? decoded : {}),
    status,
  }
  if (typeof detail !== 'string' && detail !== undefined) details.detail = detail
  const issues = issuesIn(detail)
  if (issues !== undefined) details.issues = issues
  return new MindtraceError(code, messageOf(detail, issues, what, status), { details })
}

/** A failure to get any answer: what `fetch` throws in Node and in browsers. */
export function connectionError(cause: unknown, what: string, address: string): MindtraceError {
  const reason = reasonOf(cause)
  return new MindtraceError(
    'UNAVAILABLE',
    `${what}: no answer from ${address} (${reason}); is the service running?`,
    { cause, details: { address } },
  )
}

const brokenConnection: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** Whether an open connection was closed under a request: typical of one that idled in the pool. */
export function isBrokenConnection(error: unknown): boolean {
  const code = systemErrorCode(error) ?? systemErrorCode((error as { cause?: unknown })?.cause)
  return code !== undefined && brokenConnection.has(code)
}

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause
  if (cause === undefined) return errorMessage(error)
  return systemErrorCode(cause) ?? errorMessage(cause)
}

function detailIn(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && 'detail' in body) return body.detail
    return undefined
  } catch {
    return text === '' ? undefined : text.slice(0, 1000)
  }
}

function knownCode(text: string | null): ErrorCode | undefined {
  return errorCodes.find((code) => code === text)
}

interface Issue {
  readonly code: string
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** A 422's list as issues, so that a caller finds `details.issues` here as in process. */
function issuesIn(detail: unknown): readonly Issue[] | undefined {
  if (!Array.isArray(detail)) return undefined
  return detail.map((entry: { type?: unknown; loc?: unknown; msg?: unknown }) => ({
    code: String(entry?.type),
    path: Array.isArray(entry?.loc) ? entry.loc.slice(1) : [],
    message: String(entry?.msg),
  }))
}

function messageOf(
  detail: unknown,
  issues: readonly Issue[] | undefined,
  what: string,
  status: number,
): string {
  if (issues !== undefined) {
    const [first] = issues
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
    return `${what}: input does not fit: ${first?.path.join('.')}: ${first?.message}${more}`
  }
  if (status === 500 && (detail === undefined || detail === 'Internal Server Error')) {
    return `${what}: the service failed without saying why; from the Python service it may only mean "not found"`
  }
  if (typeof detail === 'string') return detail
  const message = (detail as { message?: unknown } | undefined)?.message
  return typeof message === 'string' ? message : `${what}: the service answered ${status}`
}

/** What an answer's body failed with, as an error of ours; the caller's own reason stays as it is. */
export function bodyError(error: unknown, what: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  if (isMindtraceError(error)) return error
  return new MindtraceError(
    'UNAVAILABLE',
    `${what}: the transfer broke off (${errorMessage(error)}); the log of the service may say more`,
    { cause: error },
  )
}
