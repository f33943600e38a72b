/**
 * Everything that can go wrong, as one closed list. Statuses and exit codes are tables over it, so a
 * new code fails to compile until each table knows it.
 */
export const errorCodes = [
  'INVALID_INPUT',
  'VALIDATION_FAILED',
  'INVALID_CURSOR',
  'QUERY_NOT_SUPPORTED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'READ_ONLY',
  'NOT_FOUND',
  'DUPLICATE',
  'CONFLICT',
  'PAYLOAD_UNAVAILABLE',
  'PRECONDITION_FAILED',
  'TOO_LARGE',
  'RANGE_NOT_SATISFIABLE',
  'RATE_LIMITED',
  'CORRUPT',
  'INTERNAL',
  'NOT_IMPLEMENTED',
  'UNAVAILABLE',
  'STORAGE_FULL',
  'TIMEOUT',
] as const

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number]

/** What an error may carry besides its code and text. */
export interface ErrorContext {
  /** The error that led to this one. */
  readonly cause?: unknown
  /** Facts a program can act on: the id, the path, the limit. Never a secret, never a payload. */
  readonly details?: Readonly<Record<string, unknown>>
}

const brand = Symbol.for('mindtrace.error')

/** The one error class of Mindtrace. Its text names the thing, the value and the remedy. */
export class MindtraceError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly [brand] = true

  static {
    MindtraceError.prototype.name = 'MindtraceError'
  }

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined)
    this.code = code
    this.details = context.details ?? {}
  }
}

/** Whether `value` is a {@link MindtraceError}, also when another copy of this package made it. */
export function isMindtraceError(value: unknown, code?: ErrorCode): value is MindtraceError {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Record<symbol, unknown>)[brand] === true &&
    (code === undefined || (value as MindtraceError).code === code)
  )
}

/** The text of anything that was thrown. */
export function errorMessage(value: unknown): string {
  return value instanceof Error ? value.message : String(value)
}

/** The `code` of a system error such as `ENOENT`, or undefined. */
export function systemErrorCode(value: unknown): string | undefined {
  const code = (value as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
