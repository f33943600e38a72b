import { type Io, printable } from './io.ts'

/** Writes a value as JSON: one object on one line for programs, indented for people. */
export async function writeJson(io: Io, value: unknown, style: 'line' | 'indented'): Promise<void> {
  await io.stdout.write(`${JSON.stringify(value, null, style === 'line' ? undefined : 2)}\n`)
}

/** Writes rows as columns under a heading; the last column may be cut to the terminal's width. */
export async function writeTable(
  io: Io,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const lines = [heading, ...rows].map((row) => row.map(printable))
  const widths = heading.map((_name, column) =>
    Math.max(...lines.map((row) => (row[column] ?? '').length)),
  )
  for (const row of lines) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
    const line = cells.join('  ').trimEnd()
    await io.stdout.write(`${io.stdout.isTTY ? line.slice(0, io.stdout.columns) : line}\n`)
  }
}

/** `1234567` bytes as `1.2 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `12345` as `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}
