import { MindtraceError } from '@mindtrace/core'

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}

/** `500MB`, `1.5TB`, `64 GiB` or `1000000` in bytes, at least 1. @throws `INVALID_INPUT` that names the flag. */
export function parseByteSize(flag: string, text: string): number {
  const [, count = '', unit = 'none'] =
    /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]i?b|b?)$/i.exec(text) ?? []
  const factor = unitBytes[unit.toLowerCase().replace(/^b$/, '')]
  const bytes = factor === undefined ? 0 : Math.floor(Number(count) * factor)
  if (bytes >= 1 && Number.isSafeInteger(bytes)) return bytes
  throw new MindtraceError('INVALID_INPUT', `${flag} ${text}: write 500MB, 20GB or 1.5TB`)
}
