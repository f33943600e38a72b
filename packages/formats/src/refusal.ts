import { isMindtraceError, systemErrorCode } from '@mindtrace/core'
import type { Finding, FindingCode } from './finding.ts'

/** Why a sample is left out. */
export class Refusal extends Error {
  readonly finding: Finding

  constructor(code: FindingCode, path: string, message: string) {
    super(message)
    this.finding = { level: 'error', code, path, message }
  }
}

const fileErrors = new Set([
  'EACCES',
  'EIO',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'ENXIO',
  'EPERM',
])

/** Whether one file is at fault. Any other failure, such as too many open files, would hit all. */
export function isAboutOneFile(error: unknown): boolean {
  return isMindtraceError(error, 'INVALID_INPUT') || fileErrors.has(systemErrorCode(error) ?? '')
}
