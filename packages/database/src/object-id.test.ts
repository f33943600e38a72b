import { createHash } from 'node:crypto'
import { newId } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { objectIdOf } from './object-id.ts'

test('takes the first 24 of the hex digits that end a minted key', () => {
  expect(objectIdOf('asset_0123456789abcdef0123456789abcdef')).toBe('0123456789abcdef01234567')
  expect(objectIdOf('a_b_0123456789abcdef0123456789abcdef')).toBe('0123456789abcdef01234567')
  expect(objectIdOf(newId('x'))).toMatch(/^[0-9a-f]{24}$/)
})

test.each([
  'asset_1',
  '',
  '0123456789abcdef0123456789abcdef',
  'x_0123456789ABCDEF0123456789ABCDEF',
  'x_0123456789abcdef0123456789abcdef0',
])('hashes any other key, such as %j', (key) => {
  expect(objectIdOf(key)).toBe(createHash('sha256').update(key).digest('hex').slice(0, 24))
})
