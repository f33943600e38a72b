/**
 * JSON as Python's standard encoder writes it with sorted keys, which cursors of the reference are made
 * of. @see `datalake-model.md` 8.5
 */
export function pythonJson(value: unknown, style: 'spaced' | 'compact'): string {
  const comma = style === 'spaced' ? ', ' : ','
  const colon = style === 'spaced' ? ': ' : ':'
  const write = (part: unknown): string => {
    if (Array.isArray(part)) return `[${part.map(write).join(comma)}]`
    if (typeof part === 'object' && part !== null) {
      const members = Object.entries(part)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
        .map(([key, member]) => `${text(key)}${colon}${write(member)}`)
      return `{${members.join(comma)}}`
    }
    return typeof part === 'string' ? text(part) : JSON.stringify(part ?? null)
  }
  return write(value)
}

function text(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
