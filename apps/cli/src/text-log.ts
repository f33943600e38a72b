import type { Logger } from '@mindtrace/core'
import { type Output, printable } from './io.ts'
import { errorFields } from './log-fields.ts'
import { withoutSecrets } from './without-secrets.ts'

/** From the least important on. */
const levels = ['debug', 'info', 'warn', 'error'] as const
/** How important a line is. */
export type Level = (typeof levels)[number]

/** Log lines for people: time, level, message, fields as JSON. */
export function textLog(output: Output, least: Level): Logger {
  const at = (level: Level) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return
    const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields, errorsToo)}`
    const line = withoutSecrets(printable(message + rest))
    void output.write(`${new Date().toISOString()} ${level} ${line}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** JSON knows no errors: without this a line would say `{}`. */
function errorsToo(_name: string, value: unknown): unknown {
  return errorFields(value)
}
