import { type ErrorCode, isMindtraceError, MindtraceError } from '@mindtrace/core'

interface Meaning {
  readonly code: ErrorCode
  readonly remedy: string
}

/** SQLite's primary result codes that say something about the file or the machine. @see https://sqlite.org/rescode.html */
const meanings: Readonly<Record<number, Meaning>> = {
  3: { code: 'READ_ONLY', remedy: 'the operating system refuses access: check the permissions' },
  5: { code: 'UNAVAILABLE', remedy: 'another process keeps it busy: try again' },
  6: { code: 'UNAVAILABLE', remedy: 'a table is locked: try again' },
  7: { code: 'UNAVAILABLE', remedy: 'memory ran out' },
  8: {
    code: 'READ_ONLY',
    remedy: 'it cannot be written: check the permissions of the file and its folder',
  },
  10: { code: 'UNAVAILABLE', remedy: 'reading or writing the disk failed: check the disk' },
  11: {
    code: 'CORRUPT',
    remedy:
      'the file is damaged: put a backup in its place (mindtrace backup makes them), or copy what can be read with mindtrace db copy',
  },
  13: {
    code: 'STORAGE_FULL',
    remedy: 'nothing of this was written: free some space and try again',
  },
  14: {
    code: 'UNAVAILABLE',
    remedy: 'it cannot be opened: check that the folder exists and can be written',
  },
  15: { code: 'UNAVAILABLE', remedy: 'its locks do not work: keep it on a local disk' },
  18: { code: 'TOO_LARGE', remedy: 'a value is too large for SQLite' },
  22: { code: 'UNAVAILABLE', remedy: 'the machine lacks support for large files' },
  26: { code: 'CORRUPT', remedy: 'it is no SQLite database: choose another path' },
}

const uniqueViolation = 2067
const busy = 5

/** SQLite's extended result code of a thrown value, or undefined where SQLite did not throw it. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code : undefined
}

/** Whether another connection holds the lock, so that trying again helps. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code !== undefined && (code & 0xff) === busy
}

/** The name of the unique index that a statement would have broken, or undefined. */
export function brokenUniqueIndex(error: unknown): string | undefined {
  if (resultCode(error) !== uniqueViolation) return undefined
  return /index '(.+)'$/.exec((error as Error).message)?.[1]
}

/** What SQLite threw as our error, with the original as its cause; anything else as it is. */
export function convertError(error: unknown, path: string): unknown {
  const result = resultCode(error)
  if (result === undefined || isMindtraceError(error)) return error
  const { code, remedy }: Meaning = meanings[result & 0xff] ?? {
    code: 'INTERNAL',
    remedy: 'this is a defect of Mindtrace, please report it',
  }
  const text = `SQLite database '${path}': ${(error as Error).message}: ${remedy}`
  return new MindtraceError(code, text, { cause: error, details: { path, sqliteCode: result } })
}
