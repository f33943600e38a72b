import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonScanner } from './json-scanner.ts'

/** What a scanner makes of a text that comes in pieces of a size. */
function scan(text: string, piece: number, field = 'data_base64') {
  const bytes = Buffer.from(text)
  const scanner = new JsonScanner(field)
  const kept: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += piece) {
    kept.push(...scanner.push(bytes.subarray(at, at + piece)))
  }
  const { payload } = scanner
  return {
    rest: Buffer.concat(kept).toString(),
    payload: payload && Buffer.concat(payload.chunks),
    isBase64: payload?.isBase64,
  }
}

test('takes the bytes out of any body, in whatever pieces it comes', () => {
  const other = fc.dictionary(
    fc.string().filter((key) => key !== 'data_base64' && key !== '__proto__'),
    fc.oneof(
      fc.string(),
      fc.double({ noNaN: true }),
      fc.object(),
      fc.constant({ data_base64: 'not this one' }),
    ),
  )
  fc.assert(
    fc.property(
      other,
      other,
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(undefined, 2),
      (before, after, bytes, piece, indent) => {
        const data_base64 = Buffer.from(bytes).toString('base64')
        const text = JSON.stringify({ ...before, data_base64, ...after }, null, indent)
        const found = scan(text, piece)
        expect(JSON.parse(found.rest)).toEqual(
          JSON.parse(text, (key, value) =>
            key === 'data_base64' && value === data_base64 ? '' : value,
          ),
        )
        expect(found.payload).toEqual(Buffer.from(bytes))
        expect(found.isBase64).toBe(true)
      },
    ),
  )
})

test.each([
  ['{"data_base64":"Y\\/s="}', true],
  ['{"data_base64":""}', true],
  ['{"data_base64":"YQ"}', false],
  ['{"data_base64":"YQ==YQ=="}', false],
  ['{"data_base64":"Y Q="}', false],
  ['{"data_base64":"YW\\nJj"}', false],
  ['{"data_base64":"YWJj\\""}', false],
  ['{"data_base64":5}', undefined],
  ['{"data_base64":{"data_base64":"YWJj"}}', undefined],
  ['{"a":["data_base64","YWJj"]}', undefined],
  ['["data_base64","YWJj"]', undefined],
  ['{"a":"data_base64","b":"YWJj"}', undefined],
])('of %s it takes base64: %s', (text, isBase64) => {
  for (const piece of [1, 2, 3, 1000]) expect(scan(text, piece).isBase64).toBe(isBase64)
})

test('refuses what is nested too deeply, but not what stands in strings', () => {
  expect(() => scan('['.repeat(201), 7)).toThrow('nested at most 200 deep')
  expect(() => scan(`{"a":"${'['.repeat(10_000)}\\"${'{'.repeat(500)}"}`, 7)).not.toThrow()
  expect(() => scan('[]'.repeat(1000), 7)).not.toThrow()
})
