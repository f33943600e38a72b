import { MindtraceError } from '@mindtrace/core'

const unitSeconds = { m: 60, h: 3600, d: 24 * 3600, w: 7 * 24 * 3600 } as const

/** `90m`, `36h`, `7d` or `2w` in seconds. @throws `INVALID_INPUT` that names the flag. */
export function parseDuration(flag: string, text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? []
  if (count !== undefined && unit !== undefined) {
    return Number(count) * unitSeconds[unit as keyof typeof unitSeconds]
  }
  throw new MindtraceError('INVALID_INPUT', `${flag} ${text}: write 90m, 36h, 7d or 2w`)
}
