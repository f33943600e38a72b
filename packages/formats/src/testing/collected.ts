import type { IngestRecord } from '@mindtrace/contract'
import type { Finding, FindingCode } from '../finding.ts'
import type { ImportSource, SourceSample } from '../sample-source.ts'

/** All that a source gives, in memory. */
export interface Collected {
  readonly samples: SourceSample[]
  readonly findings: Finding[]
  readonly skipped: number
  /** Findings of one code. */
  of(code: FindingCode): Finding[]
  /** The source keys, in order. */
  keys(): string[]
  sample(key: string): SourceSample
  /** The records of a sample's set of a kind. */
  records(key: string, kind?: IngestRecord['kind']): IngestRecord[]
}

export async function collect(source: ImportSource): Promise<Collected> {
  const samples: SourceSample[] = []
  const findings: Finding[] = []
  let skipped = 0
  for await (const event of source.samples()) {
    if (event.type === 'sample') {
      samples.push(event)
      findings.push(...event.findings)
    } else {
      findings.push(event.finding)
      if (event.skipped) skipped += 1
    }
  }
  const sample = (key: string) => {
    const found = samples.find((candidate) => candidate.sample.source_key === key)
    if (found === undefined) throw new Error(`no sample ${key}`)
    return found
  }
  return {
    samples,
    findings,
    skipped,
    of: (code) => findings.filter((finding) => finding.code === code),
    keys: () => samples.map((each) => each.sample.source_key),
    sample,
    records: (key, kind = 'bbox') =>
      sample(key)
        .sample.annotation_sets.flatMap((set) => set.records)
        .filter((record) => record.kind === kind),
  }
}
