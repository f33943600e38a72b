import { encodeHeader, wireHeaders } from '@mindtrace/client'
import { errorCodeHeader, httpStatus } from '@mindtrace/contract'
import {
  type ErrorCode,
  isMindtraceError,
  type Logger,
  type MindtraceError,
  newId,
} from '@mindtrace/core'
import { jsonResponse } from './json-response.ts'
import { validationDetail } from './validation-detail.ts'

/** Codes whose text says nothing to a caller: they get an id, the log gets the rest. */
const unexplained: ReadonlySet<ErrorCode> = new Set(['INTERNAL'])

/** What the body and schema of a failed request were, for the detail of a 422. */
export interface FailedRequest {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly task?: string
}

/**
 * The answer to anything that was thrown: status by its code, `{"detail": …}` as the Python service
 * writes it, the code in a header. What nobody foresaw becomes a 500 with an id that stands in the log.
 */
export function errorResponse(error: unknown, request: FailedRequest, log: Logger): Response {
  if (!isMindtraceError(error) || unexplained.has(error.code)) {
    const id = newId('error')
    log.error({ error_id: id, method: request.method, path: request.path, error }, 'request failed')
    return jsonResponse({ detail: `Internal error ${id}` }, 500, { [errorCodeHeader]: 'INTERNAL' })
  }
  const status = httpStatus[error.code]
  if (status >= 500) {
    log.warn({ method: request.method, path: request.path, error }, 'request failed')
  }
  return jsonResponse({ detail: detailOf(error, request) }, status, headersOf(error))
}

function detailOf(error: MindtraceError, request: FailedRequest): unknown {
  if (error.details.detail !== undefined) return error.details.detail
  return error.code === 'VALIDATION_FAILED' ? validationDetail(error, request) : error.message
}

/** Longest value of the details header: it must fit beside the others in what clients accept. */
const maxDetailsHeader = 4096

function headersOf(error: MindtraceError): Record<string, string> {
  const headers: Record<string, string> = { [errorCodeHeader]: error.code }
  if (error.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer realm="mindtrace"'
  if (typeof error.details.retry_after_s === 'number') {
    headers['retry-after'] = String(error.details.retry_after_s)
  }
  const { issues: _issues, detail: _detail, ...details } = error.details
  if (Object.keys(details).length > 0) {
    const text = encodeHeader(details)
    if (text.length <= maxDetailsHeader) headers[wireHeaders.errorDetails] = text
  }
  return headers
}
