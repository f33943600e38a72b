import type { TaskInput } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { fromBase64 } from '@mindtrace/core/base64'

/**
 * `Upload-Metadata`: pairs of a key and a value in base64, separated by commas.
 *
 * @throws `INVALID_INPUT` for what is none.
 */
export function parseUploadMetadata(header: string | null): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const pair of (header ?? '').split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(/ +/)
    if (key === '' && value === '') continue
    const bytes = fromBase64(value)
    if (more.length > 0 || bytes === undefined || values.has(key)) {
      throw invalid(`the pair '${pair.trim()}'`)
    }
    values.set(key, decoded(key, bytes))
  }
  return values
}

function decoded(key: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(`the value of ${key}`)
  }
}

/** What an upload becomes, by the metadata that it is begun with. @throws `INVALID_INPUT`. */
export function uploadInput(
  values: ReadonlyMap<string, string>,
  size_bytes: number,
): TaskInput<'uploads.begin'> {
  const name = values.get('name') ?? values.get('filename')
  if (name === undefined) {
    throw new MindtraceError(
      'INVALID_INPUT',
      'Upload-Metadata names no object: send name, or filename, in base64',
    )
  }
  const metadata = values.get('metadata')
  return {
    name,
    size_bytes,
    through_lake: true,
    mount: values.get('mount') ?? null,
    version: values.get('version') ?? null,
    on_conflict: values.get('on_conflict') ?? null,
    sha256: values.get('sha256') ?? null,
    content_type:
      values.get('content_type') ?? values.get('filetype') ?? 'application/octet-stream',
    metadata: metadata === undefined ? null : jsonObject(metadata),
    expires_in_minutes: uploadMinutes,
  }
}

/** How long an upload may take. */
const uploadMinutes = 24 * 60

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    // Told below.
  }
  throw invalid('the value of metadata, which is a JSON object,')
}

/** The same as the client sent, as far as the session knows it. */
export function formatUploadMetadata(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}

function invalid(what: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `Upload-Metadata: ${what.slice(0, 120)} can't be read`)
}
