import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePythonYaml, printPythonYaml } from './python-yaml.ts'

const scalars: readonly (readonly [string, unknown])[] = [
  ['yes', true],
  ['Off', false],
  ['y', 'y'],
  ['n', 'n'],
  ['tRUE', 'tRUE'],
  ['~', null],
  ['', null],
  ['null', null],
  ['1e5', '1e5'],
  ['123e4567', '123e4567'],
  ['1.5e+3', 1500],
  ['1.5e3', '1.5e3'],
  ['00729', '00729'],
  ['0729', '0729'],
  ['017', 15],
  ['0o17', '0o17'],
  ['0x1F', 31],
  ['0b101', 5],
  ['1_000', 1000],
  ['+.5', '+.5'],
  ['-.3', '-.3'],
  ['.5', 0.5],
  ['.inf', Infinity],
  ['-.INF', -Infinity],
  ['12:30:45', 45045],
  ['12:30', 750],
  ['2024-01-01', '2024-01-01'],
  ['2024-01-02 03:04:05', '2024-01-02 03:04:05'],
  ['1180591620717411303424', 2n ** 70n],
]

describe('reading', () => {
  it.each(scalars)('takes plain %j as PyYAML does', (text, value) => {
    expect(parsePythonYaml(`x: ${text}\n`)).toEqual({ x: value })
  })

  it('takes sets, binary, anchors, escapes and folded lines', () => {
    const text = `a: &id001
  k: "caf\\xE9 \\u20AC \\U0001F600"
b: *id001
c: !!set
  x: null
  y: null
d: !!binary |
  aGVsbG8=
e: a long text
  on two lines
f: 'it''s'
`
    expect(parsePythonYaml(text)).toEqual({
      a: { k: 'café € 😀' },
      b: { k: 'café € 😀' },
      c: ['x', 'y'],
      d: new Uint8Array(new TextEncoder().encode('hello')),
      e: 'a long text on two lines',
      f: "it's",
    })
  })

  it('calls other text CORRUPT', () => {
    expect(() => parsePythonYaml('a: [1, 2\nb: }')).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    )
  })
})

describe('writing', () => {
  it('looks as PyYAML writes it', () => {
    const map = {
      long: 'a sentence long enough that the YAML writer folds it over more than one line because it passes eighty columns',
      yes: 'yes',
      num: '1e5',
      date: '2024-01-01',
      nested: { a: [1, null, true, [2, [3]], { b: 1, a: 'x' }], e: {}, f: [] },
      note: 'caf\u00e9',
      numbers: [1e21, 1e-7, 1.5, -0, 2n ** 70n],
      empty: '',
      colon: 'a: b',
    }
    expect(printPythonYaml(map)).toBe(`colon: 'a: b'
date: '2024-01-01'
empty: ''
long: a sentence long enough that the YAML writer folds it over more than one line
  because it passes eighty columns
nested:
  a:
  - 1
  - null
  - true
  - - 2
    - - 3
  - a: x
    b: 1
  e: {}
  f: []
note: "caf\\xE9"
num: 1e5
numbers:
- 1.0e+21
- 1.0e-7
- 1.5
- -0.0
- 1180591620717411303424
'yes': 'yes'
`)
  })

  it('is read back as it was', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 200 }),
      fc.constantFrom(...scalars.map(([scalar]) => scalar)),
      fc.stringMatching(/^[ a:#\-?,[\]{}&*!|>'"%@`.=<~0-9e+_]{0,20}$/),
      fc.lorem({ maxCount: 30 }),
    )
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value
    fc.assert(
      fc.property(fc.dictionary(text, value, { noNullPrototype: true }), (map) => {
        expect(parsePythonYaml(printPythonYaml(map) || '{}')).toEqual(map)
      }),
      { numRuns: 1500 },
    )
  })

  it('refuses what is no JSON', () => {
    for (const value of [new Date(), Symbol('x'), () => 1]) {
      expect(() => printPythonYaml({ value })).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      )
    }
  })
})
