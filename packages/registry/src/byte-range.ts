import { MindtraceError } from '@mindtrace/core'
import type { ByteRange } from './mount.ts'

/**
 * The range within an object of `sizeBytes`, with its end cut to the size.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for bounds that are no integers or run backwards,
 * `RANGE_NOT_SATISFIABLE` when it starts at or past the end.
 */
export function resolveRange(
  range: ByteRange | undefined,
  sizeBytes: number,
  key: string,
): { readonly start: number; readonly end: number } {
  if (range === undefined) return { start: 0, end: sizeBytes }
  const { start, end = sizeBytes } = range
  const isValid = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= 0
  if (!isValid || (range.end !== undefined && range.end < start)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `range ${start}..${range.end ?? ''} is none: use byte offsets with start ≤ end`,
    )
  }
  if (start >= sizeBytes && start > 0) {
    throw new MindtraceError(
      'RANGE_NOT_SATISFIABLE',
      `range starts at byte ${start}, but '${key}' has ${sizeBytes} bytes`,
      { details: { sizeBytes } },
    )
  }
  return { start, end: Math.min(end, sizeBytes) }
}
