import type { Logger } from '@mindtrace/core'
import { pino } from 'pino'
import type { Output } from './io.ts'
import { errorFields } from './log-fields.ts'
import type { Level } from './text-log.ts'
import { withoutSecrets } from './without-secrets.ts'

/** Log lines for programs: one JSON object each, with `time` (ISO), `level`, `pid`, `msg` and the fields. */
export function jsonLog(output: Output, least: Level): Logger {
  const log = pino(
    {
      level: least,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: (error: unknown) => errorFields(error) },
    },
    { write: (line: string) => void output.write(withoutSecrets(line)) },
  )
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  }
}
