import { expect, test } from 'vitest'
import { parseExpiry } from './commands/keys/expiry.ts'
import { isSet } from './flag.ts'

test.each([
  [undefined, '1', true],
  [undefined, 'TRUE', true],
  [undefined, '0', false],
  [undefined, 'false', false],
  [undefined, '', false],
  [undefined, undefined, false],
  [true, '0', true],
])('a switch that is %s with the variable %s is %s', (given, text, expected) => {
  expect(isSet(given, 'MINDTRACE_X', { MINDTRACE_X: text })).toBe(expected)
})

test('a switch that makes no sense is no switch', () => {
  expect(() => isSet(undefined, 'MINDTRACE_X', { MINDTRACE_X: 'maybe' })).toThrow("'maybe'")
})

test.each([
  ['12h', '2026-01-01T12:00:00.000Z'],
  ['90d', '2026-04-01T00:00:00.000Z'],
  ['4w', '2026-01-29T00:00:00.000Z'],
  ['2027-01-31', '2027-01-31T00:00:00.000Z'],
])('%s from the first of January on is %s', (text, expected) => {
  expect(parseExpiry(text, new Date(Date.UTC(2026, 0, 1)))).toBe(expected)
})

test('refuses a time that is none', () => {
  for (const text of ['soon', '1y', '-1d', '']) {
    expect(() => parseExpiry(text, new Date())).toThrow('--expires')
  }
})
