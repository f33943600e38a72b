import type { IngestPayload, IngestSample, IngestSchema, Split } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Finding } from './finding.ts'

/** A sample as its source has it: the pipeline gives it its place in the manifest. */
export interface SourceSample {
  readonly type: 'sample'
  readonly sample: Omit<IngestSample, 'ordinal'>
  /** The bytes for each role of `sample.assets`: whole when small, else opened when their turn comes. */
  readonly payloads: Readonly<Record<string, IngestPayload>>
  /**
   * Of the payloads that are files as they are: the path within the source's folder, with `/`. So an import
   * can leave them there.
   */
  readonly files?: Readonly<Record<string, string>> | undefined
  /** What was noticed about this sample. */
  readonly findings: readonly Finding[]
}

/** Something in a source that is no sample. */
export interface SourceProblem {
  readonly type: 'problem'
  readonly finding: Finding
  /** Whether one sample is left out because of it. */
  readonly skipped: boolean
}

export type SourceEvent = SourceSample | SourceProblem

/**
 * The port that every format implements: a dataset outside the lake as a stream of samples.
 *
 * `samples` may be called again and then gives the same samples with the same keys in the same order,
 * as long as the data is the same: resuming an import rests on it. It never holds the dataset in
 * memory, reads ahead by a bounded number of samples, and turns bad input into findings; it throws
 * only when the source as a whole can't be read.
 */
export interface ImportSource {
  /** For example `voc`. */
  readonly format: string
  /** A name for people: usually the folder's. */
  readonly name: string
  /** How many samples `samples` gives at most; those it leaves out are counted. */
  readonly total: number
  /** The splits that its samples are in, besides null. */
  readonly splits: readonly Split[]
  /** The schemas that the annotation sets name. Their labels may be incomplete: records bring more. */
  readonly schemas: readonly IngestSchema[]
  /** For the dataset version: plain JSON, without absolute paths. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** @throws the signal's reason, between samples. */
  samples(options?: CallOptions): AsyncIterable<SourceEvent>
}
