import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PythonFloat, parsePythonJson, printPythonJson } from './python-json.ts'

describe('reading', () => {
  it('takes the tokens that JSON has not, and integers of any size', () => {
    expect(
      parsePythonJson(' [NaN, Infinity , -Infinity, 1180591620717411303424, -0.5e-3]\n'),
    ).toEqual([Number.NaN, Infinity, -Infinity, 2n ** 70n, -0.0005])
    expect(parsePythonJson('{"NaN": "Infinity", "n": -9007199254740993}')).toEqual({
      NaN: 'Infinity',
      n: -9007199254740993n,
    })
    expect(parsePythonJson('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
    expect(parsePythonJson('9007199254740993.0')).toBe(2 ** 53)
  })

  it('keeps the order of keys in maps', () => {
    const map = parsePythonJson('{"k": [1], "2": {}, "__proto__": NaN}', { maps: true })
    expect([...(map as Map<string, unknown>).keys()]).toEqual(['k', '2', '__proto__'])
  })

  it('gives a key called __proto__ as a key', () => {
    const value = parsePythonJson('{"__proto__": {"polluted": NaN}}') as object
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it.each([
    ['', '[NaN', '[NaN,]', '{"a" NaN}', '{a: NaN}', "['NaN']", 'NaN NaN', '"NaN', '-NaN', '01NaN'],
    ['[1111111111111111', '1111111111111111.', '+Infinity', '"\\NaN', '"\\x41 NaN"', '"\u0001NaN"'],
  ])('refuses what is no JSON', (...texts) => {
    for (const text of texts) expect(() => parsePythonJson(text)).toThrow(SyntaxError)
  })

  it('refuses what Python would not read either: depth and integers without end', () => {
    expect(() => parsePythonJson(`${'['.repeat(100_000)}NaN`)).toThrow(SyntaxError)
    expect(() => parsePythonJson('1'.repeat(5000))).toThrow(SyntaxError)
    expect(parsePythonJson(`"${'x'.repeat(5_000_000)}NaN"`)).toHaveLength(5_000_003)
  })
})

describe('printing', () => {
  it.each([
    [1.5, '1.5'],
    [new PythonFloat(1), '1.0'],
    [new PythonFloat(-0), '-0.0'],
    [-0, '-0.0'],
    [1e16, '1e+16'],
    [new PythonFloat(1e15), '1000000000000000.0'],
    [123456789.125, '123456789.125'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [1.25e-7, '1.25e-07'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [2n ** 70n, '1180591620717411303424'],
    ['h\u00e9\u007f\ud83d\ude00"\\\n', '"h\\u00e9\\u007f\\ud83d\\ude00\\"\\\\\\n"'],
    [[1, new Map([['k', new Set([null, true])]]), {}, []], '[1, {"k": [null, true]}, {}, []]'],
    [{ a: undefined, b: [] }, '{"b": []}'],
  ])('%s as Python does', (value, text) => {
    expect(printPythonJson(value)).toBe(text)
  })

  it('prints compact text as pydantic does', () => {
    expect(printPythonJson({ a: [1, 'é'], b: {} }, { compact: true })).toBe('{"a":[1,"é"],"b":{}}')
  })

  it('names the path of what it refuses', () => {
    const circle: unknown[] = []
    circle.push(circle)
    const cases: [unknown, (string | number)[]][] = [
      [{ a: [1, new Date(0)] }, ['a', 1]],
      [{ a: { b: () => 1 } }, ['a', 'b']],
      [[undefined], [0]],
      [{ a: new Uint8Array(3) }, ['a']],
      [new Map([[1, 2]]), []],
      [circle, [0]],
      [10n ** 5000n, []],
    ]
    for (const [value, path] of cases) {
      expect(() => printPythonJson(value)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', details: { path } }),
      )
    }
  })
})

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt().filter((value) => value > 2n ** 53n || value < -(2n ** 53n)),
  fc.boolean(),
  fc.constant(null),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('tree')),
    fc.dictionary(fc.string(), tie('tree')),
  ),
}))

it('reads what it prints', async () => {
  await fc.assert(
    fc.property(tree, fc.boolean(), (value, compact) => {
      expect(parsePythonJson(printPythonJson(value, { compact }))).toEqual(value)
    }),
  )
})

it('reads JSON as JSON.parse does, on either way through', async () => {
  await fc.assert(
    fc.property(
      fc.json().filter((text) => !/[0-9]{16}/.test(text)),
      (text) => {
        const [value, token] = parsePythonJson(`[${text}, NaN]`) as unknown[]
        expect(token).toBeNaN()
        expect(value).toEqual(JSON.parse(text))
      },
    ),
  )
})
