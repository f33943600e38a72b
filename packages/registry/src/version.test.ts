import { describe, expect, it } from 'vitest'
import { bumpVersion, compareVersions, firstVersion, parseVersion } from './version.ts'

describe('parseVersion', () => {
  it.each([
    ['1', '1.0.0'],
    ['v1', '1.0.0'],
    [' 1 ', '1.0.0'],
    ['1.0', '1.0.0'],
    ['1.0.0', '1.0.0'],
    ['1.2', '1.2.0'],
    ['01.2', '1.2.0'],
    ['0.0.0', '0.0.0'],
    ['1.0.99999999999999999999', '1.0.99999999999999999999'],
  ])('reads %j as %j', (text, version) => {
    expect(parseVersion(text)).toBe(version)
  })

  it.each(['1.2.3.4', '-1', '', 'v', '1..2', '1.0.0-alpha', 'V1', 'vv1', '+1', '1_0', '1. 2', '١'])(
    'refuses %j',
    (text) => {
      expect(() => parseVersion(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    },
  )

  it('fills to the width of the registry', () => {
    expect(parseVersion('3', 1)).toBe('3')
    expect(firstVersion(2)).toBe('1.0')
  })
})

it('bumps the last component and never carries', () => {
  expect(bumpVersion('1.0.0')).toBe('1.0.1')
  expect(bumpVersion('1.0.9')).toBe('1.0.10')
  expect(bumpVersion('2')).toBe('3')
})

it('orders by number, whatever the spelling', () => {
  const sorted = ['1.0.10', '1.0.9', '2.0', 'v1', 'junk'].sort(compareVersions)
  expect(sorted).toEqual(['junk', 'v1', '1.0.9', '1.0.10', '2.0'])
})
