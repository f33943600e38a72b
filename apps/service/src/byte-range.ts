/** What a Range header asks for: `start` to `end` (absent: to the end), or the last `suffix` bytes. */
export type RequestedRange =
  | { readonly start: number; readonly end?: number }
  | { readonly suffix: number }

/**
 * A single byte range. Null for anything else (several ranges, other units, nonsense): as RFC 9110
 * allows, those get the whole.
 */
export function parseRangeHeader(header: string | null): RequestedRange | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (match === null) return null
  const [, first = '', last = ''] = match
  if (first === '') return last === '' ? null : { suffix: Number(last) }
  const start = Number(first)
  if (last === '') return { start }
  const end = Number(last)
  return end < start ? null : { start, end }
}

/** Whether an If-None-Match header names the entity tag (weakly compared, as it must be). */
export function matchesEtag(header: string | null, etag: string): boolean {
  if (header === null) return false
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
