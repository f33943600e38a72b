import type { IngestGroupResult, IngestSample } from '@mindtrace/contract'
import type { Finding, FindingCode } from '../finding.ts'
import type { ImportCounts, ImportError, ImportReport } from './import-report.ts'

const listLimit = 1000

/** Counts what an import meets, in bounded memory. */
export class ImportTally {
  skipped = 0
  unchanged = 0
  readonly #dataset = emptyCounts()
  readonly #written = emptyCounts()
  readonly #splits = new Map<string, number>()
  readonly #labels = new Map<string, number>()
  readonly #findingsByCode = new Map<FindingCode, number>()
  readonly #findings: Finding[] = []
  #findingCount = 0
  readonly #errors: ImportError[] = []
  #errorCount = 0

  /** A sample that is in the dataset now. */
  addSample(sample: IngestSample): void {
    this.#dataset.datums += 1
    for (const asset of Object.values(sample.assets)) {
      this.#dataset.assets += 1
      this.#dataset.payload_bytes += asset.size_bytes
    }
    for (const set of sample.annotation_sets) {
      this.#dataset.annotation_sets += 1
      this.#dataset.annotations += set.records.length
      for (const { label } of set.records) increase(this.#labels, label)
    }
    increase(this.#splits, sample.split ?? 'none')
  }

  addWritten(written: IngestGroupResult['written']): void {
    this.#written.assets += written.assets
    this.#written.datums += written.datums
    this.#written.annotation_sets += written.annotation_sets
    this.#written.annotations += written.annotation_records
    this.#written.payload_bytes += written.payload_bytes
  }

  addFinding(finding: Finding): void {
    increase(this.#findingsByCode, finding.code)
    this.#findingCount += 1
    if (this.#findings.length < listLimit) this.#findings.push(finding)
    if (finding.level === 'error') this.addError(finding)
  }

  addError({ code, path, message }: ImportError): void {
    this.#errorCount += 1
    if (this.#errors.length < listLimit) this.#errors.push({ code, path, message })
  }

  report(
    identity: Pick<ImportReport, 'dataset' | 'version' | 'dataset_version_id' | 'seconds'>,
  ): ImportReport {
    const { seconds, ...names } = identity
    return {
      ...names,
      ...this.#dataset,
      skipped: this.skipped,
      unchanged: this.unchanged,
      written: { ...this.#written },
      splits: sorted(this.#splits),
      labels: sorted(this.#labels),
      findings_by_code: sorted(this.#findingsByCode),
      findings: this.#findings,
      findings_omitted: this.#findingCount - this.#findings.length,
      errors: this.#errors,
      error_count: this.#errorCount,
      seconds,
    }
  }
}

function emptyCounts(): { -readonly [Name in keyof ImportCounts]: number } {
  return { assets: 0, datums: 0, annotation_sets: 0, annotations: 0, payload_bytes: 0 }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function sorted<Key extends string>(counts: ReadonlyMap<Key, number>): Record<Key, number> {
  const entries = [...counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return Object.fromEntries(entries) as Record<Key, number>
}
