import { MindtraceError } from '@mindtrace/core'

/** What might be an integer too large for a double; most bodies hold nothing of the kind. */
const longInteger = /[:[,\s]-?\d{16}/
/** What might be the key `__proto__` with any of its letters as an escape. */
const escapedProto = /\\u00(?:5f|6f|7[024])/i
/** What might be half of a character, which only an escape can say. */
const surrogate = /\\ud[89a-f]/i

/**
 * Parses JSON and refuses what could not be given back as it came: integers beyond ±(2^53 − 1), which
 * JavaScript would round, the key `__proto__`, which is no key of its objects, and half characters, which no
 * database keeps. Changing them without a word would lose data.
 *
 * @throws {@link SyntaxError} for what is no JSON; {@link MindtraceError} `VALIDATION_FAILED` for the number
 * or text, `INVALID_INPUT` with the path for the key.
 */
export function parseFaithfully(text: string): unknown {
  const hasEscape = text.includes('\\u')
  const hasProto = text.includes('"__proto__"') || (hasEscape && escapedProto.test(text))
  const hasSurrogate = hasEscape && surrogate.test(text)
  if (!hasProto && !hasSurrogate && !longInteger.test(text)) return JSON.parse(text)
  const fault = (message: string, key: string): never => {
    const issue = { code: 'custom', path: [], message: `${message} (at the key '${key}')` }
    throw new MindtraceError('VALIDATION_FAILED', issue.message, { details: { issues: [issue] } })
  }
  const parsed: unknown = JSON.parse(
    text,
    (key, inner: unknown, context?: { readonly source?: string }) => {
      if (
        hasSurrogate &&
        !(key.isWellFormed() && (typeof inner !== 'string' || inner.isWellFormed()))
      ) {
        fault('half of a surrogate pair is no character', key.toWellFormed())
      }
      const source = context?.source
      if (typeof inner === 'number' && source !== undefined && /^-?\d+$/.test(source)) {
        if (!Number.isSafeInteger(inner)) {
          fault(`the integer ${source.slice(0, 40)} is beyond 2^53 - 1; send it as text`, key)
        }
      }
      return inner
    },
  )
  const path = hasProto ? pathOfProto(parsed) : undefined
  if (path === undefined) return parsed
  throw new MindtraceError('INVALID_INPUT', `'${path}' is no key that a field can have`, {
    details: { path },
  })
}

/** Where an object has the key, which parsing makes a member like any other; undefined where none has. */
function pathOfProto(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const rest = key === '__proto__' ? '' : pathOfProto(inner)
    if (rest !== undefined) return rest === '' ? key : `${key}.${rest}`
  }
  return undefined
}
