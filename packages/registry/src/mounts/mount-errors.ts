import { MindtraceError } from '@mindtrace/core'

/** The longest that a signed request may be good: seven days, the limit of S3 and of GCS. */
const maxSignedMs = 7 * 24 * 60 * 60 * 1000

/** Nothing lies under a key. */
export function nothingAt(key: string, location: string, cause?: unknown): MindtraceError {
  return new MindtraceError('NOT_FOUND', `nothing at '${key}' in '${location}'`, {
    ...causedBy(cause),
    details: { key },
  })
}

/** A create that found the key taken. */
export function existsAlready(key: string, cause?: unknown): MindtraceError {
  return new MindtraceError('PRECONDITION_FAILED', `'${key}' exists already`, {
    ...causedBy(cause),
    details: { key },
  })
}

/** A replacement that found other bytes than those it was to replace. */
export function notWhatItWas(key: string, cause?: unknown): MindtraceError {
  return new MindtraceError('PRECONDITION_FAILED', `'${key}' is not what it was`, {
    ...causedBy(cause),
    details: { key },
  })
}

/** An upload in parts that never began, or was completed, aborted or swept. */
export function noUpload({ key, uploadId }: { key: string; uploadId: string }): MindtraceError {
  return new MindtraceError(
    'NOT_FOUND',
    `there is no upload '${uploadId.slice(0, 64)}' of '${key}'; it is over, or never began`,
    { details: { key, uploadId } },
  )
}

/** Staged bytes that another mount took in. */
export function stagedElsewhere(): MindtraceError {
  return new MindtraceError('INVALID_INPUT', 'these bytes were staged by another mount')
}

/** @throws `INVALID_INPUT` for a time that no signed request may be good for; `minMs` is the store's least. */
export function checkSignedTime(expiresInMs: number, minMs = 1): void {
  if (expiresInMs >= minMs && expiresInMs <= maxSignedMs) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `a signed request is good for ${minMs} ms to seven days, not for ${expiresInMs} ms`,
  )
}

function causedBy(cause: unknown): { readonly cause?: unknown } {
  return cause === undefined ? {} : { cause }
}
