const maxText = 200
const maxEntries = 20
const maxDepth = 4

/**
 * A value as an error quotes it: long texts, long lists and deep trees are cut, so that nobody gets a
 * payload of megabytes thrown back.
 */
export function truncatedEcho(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    return value.length <= maxText
      ? value
      : `${value.slice(0, maxText)}… (${value.length} characters)`
  }
  if (typeof value !== 'object' || value === null) return value ?? null
  if (depth === maxDepth) return Array.isArray(value) ? ['…'] : { '…': '…' }
  if (Array.isArray(value)) {
    const kept = value.slice(0, maxEntries).map((entry) => truncatedEcho(entry, depth + 1))
    return value.length <= maxEntries ? kept : [...kept, `… (${value.length} entries)`]
  }
  const entries = Object.entries(value)
  const kept = entries
    .slice(0, maxEntries)
    .map(([key, entry]) => [key.slice(0, maxText), truncatedEcho(entry, depth + 1)])
  if (entries.length > maxEntries) kept.push(['…', `${entries.length} entries`])
  return Object.fromEntries(kept)
}
