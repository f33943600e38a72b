import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64 } from './base64.ts'

const form = /^[A-Za-z0-9+/]*={0,2}$/

test('takes what is standard base64 with padding, and nothing else', () => {
  const piece = fc.oneof(
    { weight: 8, arbitrary: fc.base64String({ maxLength: 40 }) },
    fc.constantFrom(
      '=',
      '==',
      '-',
      '_',
      ' ',
      '\n',
      '*',
      'Ł',
      '\u0141\u0142',
      '\0',
      '😀',
      'AAA',
      'A',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => {
      const text = pieces.join('')
      const bytes = fromBase64(text)
      expect(bytes !== undefined).toBe(text.length % 4 === 0 && form.test(text))
      if (bytes !== undefined) expect(bytes).toEqual(Buffer.from(text, 'base64'))
    }),
    { numRuns: 5000 },
  )
})
