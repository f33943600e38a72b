import { createHash } from 'node:crypto'

/**
 * Ids that follow from what they name. A repeated ingest of the same samples makes the same ids, so the
 * unique indexes see to it that nothing is written twice, and two lakes that import one folder agree.
 */
export function derivedId(prefix: string, ...names: readonly (string | number)[]): string {
  const hash = createHash('sha256')
  for (const name of names) hash.update(String(name)).update('\0')
  return `${prefix}_${hash.digest('hex').slice(0, 32)}`
}

/** The session of an ingest into a dataset version. */
export function sessionIdOf(datasetName: string, version: string): string {
  return derivedId('ingest', datasetName, version)
}

/** The journal row of a sample. */
export function sampleIdOf(sessionId: string, sourceKey: string): string {
  return derivedId('ingest_sample', sessionId, sourceKey)
}
