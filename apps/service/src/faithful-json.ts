import { MindtraceError } from '@mindtrace/core'

/** What might be an integer too large for a double; most bodies hold nothing of the kind. */
const suspicious = /[:[,\s]-?\d{16}|"__proto__"/

/**
 * Parses JSON and refuses what could not be given back as it came: integers beyond ±(2^53 − 1), which
 * JavaScript would round, and the key `__proto__`, which is no key of its objects. MongoDB keeps both, so
 * changing them without a word would lose data.
 *
 * @throws {@link SyntaxError} for what is no JSON; {@link MindtraceError} `VALIDATION_FAILED` with the path.
 */
export function parseFaithfully(text: string): unknown {
  if (!suspicious.test(text)) return JSON.parse(text)
  const fault = (message: string, key: string): never => {
    const issue = { code: 'custom', path: [], message: `${message} (at the key '${key}')` }
    throw new MindtraceError('VALIDATION_FAILED', issue.message, { details: { issues: [issue] } })
  }
  return JSON.parse(text, (key, inner: unknown, context?: { readonly source?: string }) => {
    if (key === '__proto__') fault("an object can't have the key __proto__ here", key)
    const source = context?.source
    if (typeof inner === 'number' && source !== undefined && /^-?\d+$/.test(source)) {
      if (!Number.isSafeInteger(inner)) {
        fault(`the integer ${source.slice(0, 40)} is beyond 2^53 - 1; send it as text`, key)
      }
    }
    return inner
  })
}
