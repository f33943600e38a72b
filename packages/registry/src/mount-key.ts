import { MindtraceError } from '@mindtrace/core'

/** Longest segment of a key in UTF-8 bytes: what common file systems take. */
const maxSegmentBytes = 255
/** Longest key in UTF-8 bytes: what S3 and GCS take. */
const maxKeyBytes = 1024

/**
 * Refuses every key that could leave a mount or that some store cannot keep, so that objects can be
 * copied between any two mounts.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for an empty or absolute key, an empty, `.` or `..`
 * segment, NUL, a backslash, a lone surrogate, a segment over 255 bytes or a key over 1024 bytes.
 */
export function checkKey(key: string): void {
  const problem = keyProblem(key)
  if (problem === undefined) return
  throw new MindtraceError('INVALID_INPUT', `key ${quoted(key)} ${problem}`, {
    details: { key: key.slice(0, 300) },
  })
}

/** Refuses a list prefix that could leave the mount; it may be empty and may end in the middle of a segment. */
export function checkPrefix(prefix: string): void {
  const segments = prefix.split('/')
  const last = segments.pop() ?? ''
  if (segments.length > 0) checkKey(segments.join('/'))
  if (last !== '' && last !== '.' && last !== '..') checkKey(last)
}

/** Order of UTF-8 bytes, which is code point order; `<` on strings differs outside the BMP. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left !== right) return utf8Rank(left) - utf8Rank(right)
  }
  return a.length - b.length
}

// Surrogates stand for code points above every other code unit.
function utf8Rank(codeUnit: number): number {
  return codeUnit >= 0xd800 && codeUnit <= 0xdfff ? codeUnit + 0x10000 : codeUnit
}

function keyProblem(key: string): string | undefined {
  if (key === '') return 'is empty'
  if (key.includes('\0')) return 'contains NUL'
  if (key.includes('\\')) return "contains a backslash; use '/'"
  if (!key.isWellFormed()) return 'contains half a surrogate pair'
  if (key.startsWith('/')) return 'is absolute; keys are relative to their mount'
  for (const segment of key.split('/')) {
    if (segment === '') return 'has an empty segment'
    if (segment === '.' || segment === '..') return `has the segment '${segment}'`
    if (segment.length * 3 > maxSegmentBytes && Buffer.byteLength(segment) > maxSegmentBytes) {
      return `has a segment of ${Buffer.byteLength(segment)} bytes; the limit is ${maxSegmentBytes}`
    }
  }
  if (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes) {
    return `is ${Buffer.byteLength(key)} bytes long; the limit is ${maxKeyBytes}`
  }
  return undefined
}

function quoted(key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}…` : key)
}
