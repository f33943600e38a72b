import { expect, test } from 'vitest'
import { parseFaithfully } from './faithful-json.ts'

test.each([
  '{"a":[1,2.5,-3,9007199254740991,-9007199254740991,1e30,0.12345678901234567]}',
  '{"text":"12345678901234567890 and 2^53+1","deep":{"b":null,"c":true}}',
  '[]',
])('gives back what came: %s', (text) => {
  expect(parseFaithfully(text)).toEqual(JSON.parse(text))
})

test.each([
  [
    '{"metadata":{"n":9007199254740993}}',
    "9007199254740993 is beyond 2^53 - 1; send it as text (at the key 'n')",
  ],
  ['[-9223372036854775808]', '-9223372036854775808 is beyond'],
  ['{"metadata":{"__proto__":{"x":1}}}', '__proto__'],
])('refuses what it would change: %s', (text, message) => {
  expect(() => parseFaithfully(text)).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      message: expect.stringContaining(message),
    }),
  )
})

test('leaves broken JSON to the parser', () => {
  expect(() => parseFaithfully('{"a":1234567890123456789')).toThrow(SyntaxError)
})
