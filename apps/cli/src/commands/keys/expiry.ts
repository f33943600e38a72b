import { MindtraceError, parseInstant } from '@mindtrace/core'

const seconds: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 604_800 }

/** `90d`, `12h`, `4w`, or an instant. */
export function parseExpiry(text: string, now: Date): string {
  const [, count, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? []
  if (count !== undefined) {
    return new Date(now.getTime() + Number(count) * (seconds[unit] ?? 0) * 1000).toISOString()
  }
  try {
    return parseInstant(text)
  } catch (cause) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `--expires ${text}: use a time from now (12h, 90d, 4w) or an instant (2027-01-31)`,
      { cause },
    )
  }
}
