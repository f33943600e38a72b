import { MindtraceError } from '@mindtrace/core'

const component = /^\d+$/

/**
 * The normalised form of a version: `digits` non-negative integers joined with `.`. An optional `v`
 * prefix and outer white space are dropped, missing components are 0.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for anything else, more components included.
 */
export function parseVersion(text: string, digits = 3): string {
  const trimmed = text.trim()
  const parts = (trimmed.startsWith('v') ? trimmed.slice(1) : trimmed).split('.')
  if (parts.length > digits || !parts.every((part) => component.test(part))) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `version ${JSON.stringify(text.slice(0, 64))} is none: use up to ${digits} numbers joined with '.', such as ${firstVersion(digits)}`,
      { details: { version: text.slice(0, 64) } },
    )
  }
  const numbers = parts.map((part) => part.replace(/^0+(?=\d)/, ''))
  while (numbers.length < digits) numbers.push('0')
  return numbers.join('.')
}

/** The version an object starts with: `1.0.0`. */
export function firstVersion(digits = 3): string {
  return ['1', ...Array<string>(digits - 1).fill('0')].join('.')
}

/** The next version: last component + 1, never carried. */
export function bumpVersion(version: string): string {
  const parts = version.split('.')
  parts.push(String(BigInt(parts.pop() ?? '0') + 1n))
  return parts.join('.')
}

/** Numeric order, component by component. Text that is no version counts as all zeros, as in the reference. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a)
  const right = numbersOf(b)
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0n) - (right[index] ?? 0n)
    if (difference !== 0n) return difference < 0n ? -1 : 1
  }
  return 0
}

function numbersOf(version: string): bigint[] {
  const parts = version.replace(/^v/, '').split('.')
  return parts.every((part) => component.test(part)) ? parts.map(BigInt) : []
}
