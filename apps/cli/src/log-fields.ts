import { isMindtraceError } from '@mindtrace/core'

/** How far causes of causes are followed. */
const mostCauses = 5

/**
 * An error as fields of a log line. Details stay out: they may hold what was sent.
 */
export function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  return {
    name: error.name,
    ...(isMindtraceError(error) ? { code: error.code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined || depth >= mostCauses
      ? {}
      : { cause: errorFields(error.cause, depth + 1) }),
  }
}
