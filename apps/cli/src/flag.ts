import { MindtraceError } from '@mindtrace/core'

const yes: ReadonlySet<string> = new Set(['1', 'true', 'yes', 'on'])
const no: ReadonlySet<string> = new Set(['', '0', 'false', 'no', 'off'])

/** A switch that a variable can set too: `MINDTRACE_INSECURE=0` means off, unlike with commander's own variables. */
export function isSet(
  given: boolean | undefined,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (given === true) return true
  const text = (env[name] ?? '').trim().toLowerCase()
  if (yes.has(text)) return true
  if (no.has(text)) return false
  throw new MindtraceError('INVALID_INPUT', `${name} is '${text}': use 1 or 0`)
}
