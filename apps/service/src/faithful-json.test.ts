import { expect, test } from 'vitest'
import { parseFaithfully } from './faithful-json.ts'

test.each([
  '{"a":[1,2.5,-3,9007199254740991,-9007199254740991,1e30,0.12345678901234567]}',
  '{"text":"12345678901234567890 and 2^53+1","deep":{"b":null,"c":true}}',
  '{"seal":"\\ud83e\\uddad","\\uD83E\\uDDAD":"🦭"}',
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
  ['{"name":"\\ud800 alone"}', "half of a surrogate pair is no character (at the key 'name')"],
  ['{"metadata":{"\\udead":1}}', 'half of a surrogate pair is no character'],
])('refuses what it would change: %s', (text, message) => {
  expect(() => parseFaithfully(text)).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      message: expect.stringContaining(message),
    }),
  )
})

test.each([
  ['{"metadata":{"__proto__":{"x":1}}}', 'metadata.__proto__'],
  ['{"__proto__":1}', '__proto__'],
  ['{"filters":[{"a":1},{"\\u005f_proto__":{"$gt":1}}]}', 'filters.1.__proto__'],
])('refuses the key that is none of an object, by its path: %s', (text, path) => {
  expect(() => parseFaithfully(text)).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', details: { path } }),
  )
})

test('takes the key as a text', () => {
  expect(parseFaithfully('{"a":"__proto__"}')).toEqual({ a: '__proto__' })
})

test('leaves broken JSON to the parser', () => {
  expect(() => parseFaithfully('{"a":1234567890123456789')).toThrow(SyntaxError)
})
