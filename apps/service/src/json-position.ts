const token =
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy

type Expected = 'value' | 'value or ]' | 'key or }' | 'key' | ':' | ', or end'

/** Where text that is no JSON stops being JSON: V8 tells it only sometimes. */
export function jsonErrorPosition(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let position = 0
  for (;;) {
    token.lastIndex = position
    const match = token.exec(text)
    const start =
      position + (/^[\t\n\r ]*/.exec(text.slice(position, position + 4096))?.[0].length ?? 0)
    if (match === null) return start
    const [, mark, string] = match
    const next = follow(expected, mark, string !== undefined, open)
    if (next === null) return start
    expected = next
    position = token.lastIndex
    if (expected === ', or end' && open.length === 0) {
      return position + (/^[\t\n\r ]*/.exec(text.slice(position))?.[0].length ?? 0)
    }
  }
}

/** What may follow the token, or null when it may not stand here. Keeps `open` up to date. */
function follow(
  expected: Expected,
  mark: string | undefined,
  isString: boolean,
  open: ('{' | '[')[],
): Expected | null {
  const closes = mark === (open.at(-1) === '{' ? '}' : ']')
  switch (expected) {
    case ':':
      return mark === ':' ? 'value' : null
    case 'key':
    case 'key or }':
      if (isString) return ':'
      break
    case ', or end':
      if (mark === ',') return open.at(-1) === '{' ? 'key' : 'value'
      break
    default:
      if (mark === '{' || mark === '[') {
        open.push(mark)
        return mark === '{' ? 'key or }' : 'value or ]'
      }
      if (mark === undefined) return ', or end'
  }
  if (!closes || expected === 'key' || expected === 'value') return null
  open.pop()
  return ', or end'
}
