import type { ErrorCode } from '@mindtrace/core'

/** The HTTP status of each error code (`service-wire.md` 5 and 17). */
export const httpStatus = {
  INVALID_INPUT: 400,
  VALIDATION_FAILED: 422,
  INVALID_CURSOR: 400,
  QUERY_NOT_SUPPORTED: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  READ_ONLY: 403,
  NOT_FOUND: 404,
  DUPLICATE: 409,
  CONFLICT: 409,
  PAYLOAD_UNAVAILABLE: 409,
  PRECONDITION_FAILED: 412,
  TOO_LARGE: 413,
  RANGE_NOT_SATISFIABLE: 416,
  RATE_LIMITED: 429,
  CORRUPT: 500,
  INTERNAL: 500,
  NOT_IMPLEMENTED: 501,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
  STORAGE_FULL: 507,
} as const satisfies Record<ErrorCode, number>

/** Response header that carries the error code: bodies stay as the Python service's, `{"detail": …}`. */
export const errorCodeHeader = 'mindtrace-error'
