import { expect, it } from 'vitest'
import { parseByteSize } from './byte-size.ts'

it.each([
  ['1', 1],
  ['1000000', 1_000_000],
  ['500MB', 500_000_000],
  ['1.5TB', 1_500_000_000_000],
  ['64 GiB', 64 * 1024 ** 3],
  ['20gb', 20_000_000_000],
  ['7b', 7],
])('%s is a size', (text, bytes) => {
  expect(parseByteSize('--cache-size', text)).toBe(bytes)
})

it.each(['', '0', '0.1', '-1', '10 apples', 'GB', '1e9', '999999TB', '1kb2'])(
  '%j is none',
  (text) => {
    expect(() => parseByteSize('--cache-size', text)).toThrow('--cache-size')
  },
)
