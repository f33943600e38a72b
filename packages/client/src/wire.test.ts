import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHeader, encodeHeader, objectPath } from './wire.ts'

test('a header gives back any JSON, in ASCII', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const header = encodeHeader(value)
      expect(header).toMatch(/^[\x21-\x7e]*$/)
      expect(JSON.stringify(decodeHeader(header))).toBe(JSON.stringify(value))
    }),
  )
  expect(decodeHeader(null)).toBeUndefined()
  expect(decodeHeader('%')).toBeUndefined()
})

test("an object's path survives the parsing of URLs", () => {
  const segment = fc
    .string({ minLength: 1, unit: 'binary' })
    .filter((text) => text.isWellFormed() && text !== '.' && text !== '..')
  fc.assert(
    fc.property(segment, fc.array(segment, { minLength: 1 }), (mount, name) => {
      const path = objectPath(mount, name.join('/'))
      const url = new URL(path, 'http://lake.test')
      expect(url.pathname).toBe(path)
      expect(url.search + url.hash).toBe('')
    }),
  )
  expect(objectPath(null, 'a/b c')).toBe('/v1/objects/-/a/b%20c')
})
