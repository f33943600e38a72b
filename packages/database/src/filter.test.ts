import { isMindtraceError } from '@mindtrace/core'
import { describe, expect, test } from 'vitest'
import { ParsedFilter, parseFilter } from './filter.ts'
import { Albums, Photos } from './testing/photo.ts'

const refused: readonly (readonly [string, unknown, object])[] = [
  ['no object', 'split', { reason: expect.stringContaining('object') }],
  ['null', null, {}],
  ['a list', [{ split: 'a' }], {}],
  ['an instance of a class', new Map(), {}],
  ['an unknown field', { unknown: 1 }, { path: 'unknown' }],
  ['an unknown field of an object', { 'subject.unknown': 1 }, { path: 'subject.unknown' }],
  ['a path below a single value', { 'split.x': 1 }, { path: 'split.x' }],
  ['a path through an array', { 'tags.0': 'a' }, { path: 'tags.0' }],
  ['an inherited field', { toString: 'x' }, { path: 'toString' }],
  ['a prototype key', JSON.parse('{"__proto__":{"x":1}}'), { path: '__proto__' }],
  ['a prototype key below', { 'metadata.constructor.x': 1 }, { path: 'metadata.constructor.x' }],
  ['a prototype key at the end', { 'metadata.prototype': 1 }, { path: 'metadata.prototype' }],
  ['a segment with a dollar', { 'metadata.$where': 1 }, { path: 'metadata.$where' }],
  ['a segment with a quote', { 'metadata.a"b': 1 }, {}],
  ['a segment with a backslash', { 'metadata.a\\b': 1 }, {}],
  ['a segment with a control character', { 'metadata.a\u0000b': 1 }, {}],
  ['an empty segment', { 'metadata..a': 1 }, {}],
  ['an empty path', { '': 1 }, {}],
  ['nine segments', { 'metadata.2.3.4.5.6.7.8.9': 1 }, {}],
  ['a segment of 129 characters', { [`metadata.${'a'.repeat(129)}`]: 1 }, {}],
  ['an unknown operator', { split: { $regex: 'a' } }, { operator: '$regex', path: 'split' }],
  ['$where', { $where: '1' }, { operator: '$where' }],
  ['$expr', { $expr: {} }, { operator: '$expr' }],
  ['$nor', { $nor: [{}] }, { operator: '$nor' }],
  ['$not', { split: { $not: { $eq: 'a' } } }, { operator: '$not' }],
  ['an object', { subject: { kind: 'a' } }, { path: 'subject' }],
  ['an empty object', { split: {} }, { path: 'split' }],
  ['operators beside fields', { metadata: { $eq: null, a: 1 } }, { path: 'metadata' }],
  ['a list as a value', { tags: ['a'] }, { path: 'tags' }],
  ['a date', { created_at: new Date() }, { path: 'created_at' }],
  ['undefined', { split: undefined }, { path: 'split' }],
  ['a bigint', { number: 1n }, { path: 'number' }],
  ['NaN', { number: Number.NaN }, { path: 'number' }],
  ['an infinite number', { number: { $lt: Number.POSITIVE_INFINITY } }, { path: 'number' }],
  ['text for a number', { number: '1' }, { path: 'number' }],
  ['a number for text', { split: 1 }, { path: 'split' }],
  ['a number for a boolean', { hidden: 1 }, { path: 'hidden' }],
  ['a number in an array of text', { tags: { $in: ['a', 1] } }, { path: 'tags' }],
  ['text that is no instant', { created_at: 'yesterday' }, { path: 'created_at' }],
  ['a number for an instant', { created_at: { $gt: 0 } }, { path: 'created_at' }],
  ['a value for an object', { subject: 'asset' }, { path: 'subject' }],
  ['null with a range', { score: { $gt: null } }, { operator: '$gt', path: 'score' }],
  ['a range over an array', { tags: { $gt: 'a' } }, { path: 'tags' }],
  ['a range over an object', { metadata: { $gt: 'a' } }, { path: 'metadata' }],
  ['$in without a list', { split: { $in: 'a' } }, { operator: '$in' }],
  ['$in with too many', { split: { $in: new Array(10_001).fill('a') } }, { operator: '$in' }],
  ['too long a value', { split: 'a'.repeat(1_000_001) }, { path: 'split' }],
  ['values too long together', { $or: longValues(11) }, { path: 'split' }],
  ['$exists without a boolean', { split: { $exists: 1 } }, { operator: '$exists' }],
  ['$or without a list', { $or: { split: 'a' } }, { operator: '$or' }],
  ['$or of nothing', { $or: [] }, { operator: '$or' }],
  ['nesting', nested(9), { operator: '$and' }],
  ['101 conditions', { $or: Array.from({ length: 101 }, () => ({})) }, {}],
]

function longValues(count: number): object[] {
  return Array.from({ length: count }, () => ({ split: { $ne: 'a'.repeat(100_000) } }))
}

function nested(depth: number): object {
  return depth === 1 ? { split: 'a' } : { $and: [nested(depth - 1)] }
}

describe('parsing a filter', () => {
  test.each(refused)('refuses %s', (_what, filter, details) => {
    let thrown: unknown
    try {
      parseFilter(Photos, filter)
    } catch (error) {
      thrown = error
    }
    expect(isMindtraceError(thrown, 'QUERY_NOT_SUPPORTED')).toBe(true)
    expect(thrown).toMatchObject({ details: { reason: expect.any(String), ...details } })
  })

  test('takes what is just within the limits', () => {
    parseFilter(Photos, nested(8))
    parseFilter(Photos, { 'metadata.2.3.4.5.6.7.8': 1 })
    parseFilter(Photos, { split: { $in: new Array(10_000).fill('a') } })
    parseFilter(Photos, { $and: longValues(10) })
    parseFilter(Photos, { $or: Array.from({ length: 50 }, () => ({ split: 'a' })) })
  })

  test('takes objects without a prototype, as some parsers make them', () => {
    const filter = Object.assign(Object.create(null), { split: 'a' })
    expect(parseFilter(Photos, filter).conditions).toHaveLength(1)
  })

  test('gives values the form of their path', () => {
    const { conditions } = parseFilter(Photos, {
      created_at: { $gte: '2026-01-01' },
      'metadata.at': '2026-01-01',
    })
    expect(conditions).toMatchObject([
      { op: 'gte', path: { kind: 'instant' }, value: '2026-01-01T00:00:00.000Z' },
      { op: 'in', path: { kind: 'free', segments: ['metadata', 'at'] }, values: ['2026-01-01'] },
    ])
  })

  test('returns what is parsed already, for its own collection only', () => {
    const parsed = parseFilter(Photos, { split: 'a' })
    expect(parsed).toBeInstanceOf(ParsedFilter)
    expect(parseFilter(Photos, parsed)).toBe(parsed)
    expect(() => parseFilter(Albums, parsed)).toThrow(/another collection/)
  })
})
