import json5 from 'json5'

/**
 * JSON as Python's `json` module writes it: also with the bare tokens `NaN`, `Infinity` and `-Infinity`.
 *
 * @throws SyntaxError
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error
    return json5.parse(text)
  }
}
