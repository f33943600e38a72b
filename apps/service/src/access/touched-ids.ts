/** Names of what something is called by; everything else could be a payload or a secret. */
const telling =
  /^(?:id|name|alias|mount|version|dataset_name|target_mount|target_name|key_id|(?:asset|alias|collection|collection_item|asset_retention|annotation_schema|annotation_set|annotation|datum|dataset_version|session|upload_session|task|job)_id)$/
const most = 12
const longest = 200

/**
 * What a write touched, as far as its input and answer name it at their first two levels. Only known names are taken, and
 * only short texts.
 */
export function touchedIds(input: unknown, output: unknown): Record<string, string> {
  const ids: Record<string, string> = {}
  collect(input, ids, 2)
  collect(output, ids, 2)
  return ids
}

function collect(value: unknown, ids: Record<string, string>, levels: number): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  for (const [name, inner] of Object.entries(value)) {
    if (Object.keys(ids).length >= most) return
    if (typeof inner === 'string') {
      if (telling.test(name)) ids[name] = inner.slice(0, longest)
    } else if (levels > 1 && !/metadata|filters|payload/.test(name)) {
      collect(inner, ids, levels - 1)
    }
  }
}
