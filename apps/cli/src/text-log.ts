import type { Logger } from '@mindtrace/core'
import { type Output, printable } from './io.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

/** Log lines for people: time, level, message, fields as JSON. */
export function textLog(output: Output, least: Level): Logger {
  const at = (level: Level) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return
    const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
    void output.write(`${new Date().toISOString()} ${level} ${printable(message + rest)}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
