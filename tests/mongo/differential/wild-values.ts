import type { Json } from '../../golden/like-the-reference.ts'
import type { Random } from '../random.ts'

/** What JSON can say and JavaScript can't, as a text that {@link toBody} writes without its quotes. */
const raw = (text: string) => `raw:${text}`

/** A request's body. */
export function toBody(request: Json): string {
  return JSON.stringify(request).replace(/"raw:([^"]*)"/g, '$1')
}

const keys = [
  'mindtrace.serialization',
  'a.b.c',
  'a',
  'rank',
  'deep',
  '0',
  'with space',
  "quote'`",
  'ключ',
  '键',
  '🦭',
  'é',
  'e\u0301',
  'toString',
  'constructor',
  'length',
  '_id',
] as const

const texts = [
  '',
  ' ',
  'plain',
  'naïve café',
  '日本語のテキスト',
  'שלום',
  '👩‍🔬 in the lab',
  'e\u0301 is not é',
  'tab\tand\r\nlines',
  '\u2028separators\u2029',
  '<script>&amp;',
  '2026-05-29T12:45:30.123456Z',
  '1e400',
  '12',
  'null',
  '$where',
  'x'.repeat(300),
] as const

const numbers = [0, 1, -1, 3, 2 ** 31, -(2 ** 53) + 1, 2 ** 53 - 1, 0.1, -2.5e-8, 1e300, 5e-324]

/** A text of any kind but those that a database can't hold. */
export function wildText(random: Random): string {
  return random.of(texts)
}

/** A value of a free-form field. */
export function wildValue(random: Random, depth = 3): Json {
  const kind = random.below(depth > 0 ? 8 : 5)
  if (kind === 0) return random.of([null, true, false])
  if (kind <= 2) return random.of(numbers)
  if (kind <= 4) return random.of(texts)
  if (kind === 5) return random.some(0, 3, () => wildValue(random, depth - 1))
  return wildObject(random, depth - 1)
}

/** A free-form field. */
export function wildObject(random: Random, depth = 3): { readonly [key: string]: Json } {
  return Object.fromEntries(
    random.some(0, 4, () => [random.of(keys), wildValue(random, depth)] as const),
  )
}

/** What may stand where something else is wanted. */
const wrong: readonly Json[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  2 ** 31,
  2 ** 53 - 1,
  1e308,
  raw('9007199254740993'),
  raw('9223372036854775808'),
  raw('-100000000000000000000000000'),
  raw('1e400'),
  raw('NaN'),
  raw('-Infinity'),
  raw('3.0'),
  '',
  ' ',
  '12',
  '1.0',
  'true',
  'null',
  'no such word',
  '2026-01-01T00:00:00Z',
  'nul\u0000inside',
  '\ud800 alone',
  'y'.repeat(2000),
  [],
  {},
  [null],
  [1],
  ['a'],
  [[]],
  { a: 1 },
  { '': null },
]

/** A value of another kind than the one it stands in for, mostly. */
export function wrongValue(random: Random): Json {
  return random.of(wrong)
}
