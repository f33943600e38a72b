import type { Finding, FindingCode } from './finding.ts'

/** Why a sample is left out. */
export class Refusal extends Error {
  readonly finding: Finding

  constructor(code: FindingCode, path: string, message: string) {
    super(message)
    this.finding = { level: 'error', code, path, message }
  }
}
