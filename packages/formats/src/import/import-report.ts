import type { Finding, FindingCode } from '../finding.ts'

/** One sample that is not in the dataset, or one reason why. */
export interface ImportError {
  readonly code: string
  /** The sample's source key, or the path of the file at fault. */
  readonly path: string
  readonly message: string
}

/** What an import did: plain JSON, as `mindtrace import --json` prints it. */
export interface ImportReport {
  readonly dataset: string
  readonly version: string
  readonly dataset_version_id: string | null
  /** Counts of the dataset as it is now, whichever run wrote it. */
  readonly assets: number
  readonly datums: number
  readonly annotation_sets: number
  readonly annotations: number
  readonly payload_bytes: number
  /** Samples of the source that are not in the dataset. */
  readonly skipped: number
  /** Samples that an earlier run had brought in already. */
  readonly unchanged: number
  /** What this run wrote. */
  readonly written: ImportCounts
  /** Datums by split; those without one are under `none`. */
  readonly splits: Readonly<Record<string, number>>
  /** Annotations by label. */
  readonly labels: Readonly<Record<string, number>>
  readonly findings_by_code: Readonly<Partial<Record<FindingCode, number>>>
  /** The first of them; all are counted in `findings_by_code`. */
  readonly findings: readonly Finding[]
  readonly findings_omitted: number
  /** The first of them; `error_count` counts all. */
  readonly errors: readonly ImportError[]
  readonly error_count: number
  readonly seconds: number
}

export interface ImportCounts {
  readonly assets: number
  readonly datums: number
  readonly annotation_sets: number
  readonly annotations: number
  readonly payload_bytes: number
}
