import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatUploadMetadata, parseUploadMetadata, uploadInput } from './metadata.ts'

test('what is written is read again', () => {
  const key = fc.stringMatching(/^[!-+\--~]{1,20}$/)
  fc.assert(
    fc.property(fc.dictionary(key, fc.string({ unit: 'grapheme' }), { maxKeys: 5 }), (values) => {
      expect(parseUploadMetadata(formatUploadMetadata(values))).toEqual(
        new Map(Object.entries(values)),
      )
    }),
  )
})

test.each([
  ['a key without a value', 'is_secret', [['is_secret', '']]],
  [
    'spaces about the comma',
    'a YQ== , b Yg==',
    [
      ['a', 'a'],
      ['b', 'b'],
    ],
  ],
  ['nothing', '', []],
] as const)('%s is taken', (_what, header, pairs) => {
  expect([...parseUploadMetadata(header)]).toEqual(pairs)
})

test.each([
  ['no base64', 'a ???'],
  ['base64 that is cut', 'a YQ'],
  ['two values', 'a YQ== YQ=='],
  ['a key twice', 'a YQ==,a YQ=='],
  ['no UTF-8', 'a /w=='],
])('%s is refused', (_what, header) => {
  expect(() => parseUploadMetadata(header)).toThrowError(
    expect.objectContaining({ code: 'INVALID_INPUT' }),
  )
})

test('it says what the upload becomes', () => {
  const input = uploadInput(
    new Map([
      ['filename', 'a.mp4'],
      ['filetype', 'video/mp4'],
      ['mount', 'other'],
      ['metadata', '{"k":1}'],
    ]),
    5,
  )
  expect(input).toMatchObject({
    name: 'a.mp4',
    content_type: 'video/mp4',
    mount: 'other',
    version: null,
    metadata: { k: 1 },
    size_bytes: 5,
    through_lake: true,
  })
  expect(
    uploadInput(
      new Map([
        ['name', 'n'],
        ['filename', 'f'],
      ]),
      0,
    ).name,
  ).toBe('n')
  for (const values of [
    new Map(),
    new Map([
      ['name', 'n'],
      ['metadata', '[1]'],
    ]),
  ]) {
    expect(() => uploadInput(values, 0)).toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    )
  }
})
