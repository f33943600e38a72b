import { describe, expect, it } from 'vitest'
import { countOf, formatBytes, formatCount } from './format.ts'

describe('formatting', () => {
  it('writes counts', () => {
    expect(formatCount(12_345)).toBe('12,345')
    expect(formatCount(1_250_000)).toBe('1.3M')
    expect(countOf(1, 'image')).toBe('1 image')
    expect(countOf(0, 'image')).toBe('0 images')
  })

  it('writes sizes', () => {
    expect([0, 999, 1000, 5_300_000, 999_600, 2e15].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '5.3 MB',
      '1.0 MB',
      '2.0 PB',
    ])
  })
})
