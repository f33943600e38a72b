import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonErrorPosition } from './json-position.ts'

test.each([
  ['{"id": ', 7],
  ['{"id" 5}', 6],
  ['{"id": 5,}', 9],
  ['[1, 2', 5],
  ['[1,, 2]', 3],
  ['{"a": tru}', 6],
  ['nothing', 0],
  ['{} {}', 3],
  ['["\\x"]', 1],
  ['[1}', 2],
])('%j stops being JSON at %i', (text, position) => {
  expect(jsonErrorPosition(text)).toBe(position)
})

test('finds a place within the text, however it is broken', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 3 }), (json, at, noise) => {
      const cut = at % (json.length + 1)
      const text = `${json.slice(0, cut)}${noise}${json.slice(cut + 1)}`
      const position = jsonErrorPosition(text)
      expect(position).toBeGreaterThanOrEqual(0)
      expect(position).toBeLessThanOrEqual(text.length)
    }),
  )
})
