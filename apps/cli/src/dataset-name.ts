import type { Lake } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'

/** `NAME` or `NAME@VERSION`. */
export interface DatasetName {
  readonly name: string
  readonly version: string | undefined
}

/** Splits at the last `@`. @throws `INVALID_INPUT` for an empty name or version. */
export function parseDatasetName(text: string): DatasetName {
  const at = text.lastIndexOf('@')
  const name = at < 0 ? text : text.slice(0, at)
  const version = at < 0 ? undefined : text.slice(at + 1)
  if (name.trim() === '' || version === '') {
    throw new MindtraceError('INVALID_INPUT', `'${text}' is no dataset: write NAME or NAME@VERSION`)
  }
  return { name, version }
}

/** The version meant: the one given, else the one made last. @throws `NOT_FOUND`. */
export async function versionOf(
  lake: Lake,
  { name, version }: DatasetName,
  signal: AbortSignal,
): Promise<string> {
  if (version !== undefined) return version
  const { items } = await lake.datasetVersions.listPage(
    { dataset_name: name, limit: 1, sort: 'created_desc' },
    { signal },
  )
  const [latest] = items
  if (latest !== undefined) return latest.version
  throw new MindtraceError(
    'NOT_FOUND',
    `there is no dataset '${name}'; mindtrace ls shows those there are`,
  )
}
