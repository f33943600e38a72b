import type { ErrorCode } from '@mindtrace/core'

/** How a command ended. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done except for the items listed in `errors`. */
  partial: 3,
  interrupted: 130,
} as const

/** The exit code of each error: 2 where the caller can mend the call, 1 where it can't. */
export const errorExitCode = {
  INVALID_INPUT: exitCode.usage,
  VALIDATION_FAILED: exitCode.usage,
  INVALID_CURSOR: exitCode.usage,
  QUERY_NOT_SUPPORTED: exitCode.usage,
  UNAUTHENTICATED: exitCode.failed,
  FORBIDDEN: exitCode.failed,
  READ_ONLY: exitCode.failed,
  NOT_FOUND: exitCode.usage,
  DUPLICATE: exitCode.failed,
  CONFLICT: exitCode.failed,
  PAYLOAD_UNAVAILABLE: exitCode.failed,
  PRECONDITION_FAILED: exitCode.failed,
  TOO_LARGE: exitCode.failed,
  RANGE_NOT_SATISFIABLE: exitCode.usage,
  RATE_LIMITED: exitCode.failed,
  CORRUPT: exitCode.failed,
  INTERNAL: exitCode.failed,
  NOT_IMPLEMENTED: exitCode.failed,
  UNAVAILABLE: exitCode.failed,
  STORAGE_FULL: exitCode.failed,
  TIMEOUT: exitCode.failed,
} as const satisfies Record<ErrorCode, number>
