import mongoose from 'mongoose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineCollection } from '../../collection.ts'
import { DocumentCodec } from './document-codec.ts'

const { Binary, BSON, Decimal128, Double, Int32, Long, ObjectId, Timestamp } = mongoose.mongo

const Items = defineCollection({
  name: 'items',
  key: 'item_id',
  schema: z.object({
    item_id: z.string(),
    at: z.iso.datetime().nullable(),
    whole: z.int().nullable(),
    real: z.number().nullable(),
    list: z.array(z.object({ at: z.iso.datetime(), size: z.number() })),
    days: z.record(z.string(), z.iso.datetime()),
    free: z.unknown(),
    metadata: z.record(z.string(), z.unknown()),
  }),
})
const codec = new DocumentCodec(Items)

/** Fields through BSON and back, as the server sees and gives them. */
function stored(fields: Record<string, unknown>): Record<string, unknown> {
  return BSON.deserialize(BSON.serialize(codec.encode(fields)), { promoteValues: false })
}

function decoded(fields: Record<string, unknown>): Record<string, unknown> {
  const { _id, ...others } = codec.decode(BSON.deserialize(BSON.serialize({ _id: 1, ...fields })))
  return others
}

describe('what is written', () => {
  test('instants are dates, at every depth that the schema declares, and text elsewhere', () => {
    const at = '2026-01-02T03:04:05.678Z'
    expect(
      stored({ at, list: [{ at, size: 1 }], days: { first: at }, free: at, metadata: { at } }),
    ).toEqual({
      at: new Date(at),
      list: [{ at: new Date(at), size: new Double(1) }],
      days: { first: new Date(at) },
      free: at,
      metadata: { at },
    })
    expect(stored({ at: null })).toEqual({ at: null })
  })

  test('whole numbers are int32 or int64, others doubles, also when they happen to be whole', () => {
    const kinds = (fields: Record<string, unknown>) =>
      Object.values(stored(fields)).map((value) => (value as { _bsontype?: string })?._bsontype)
    expect(kinds({ whole: 1 })).toEqual(['Int32'])
    expect(kinds({ whole: 2 ** 31 })).toEqual(['Long'])
    expect(kinds({ whole: -(2 ** 40) })).toEqual(['Long'])
    expect(kinds({ real: 1 })).toEqual(['Double'])
    expect(kinds({ real: 1.5 })).toEqual(['Double'])
    expect(kinds({ free: 1 })).toEqual(['Int32'])
    expect(kinds({ free: 2 ** 40 })).toEqual(['Long'])
    expect(kinds({ free: 1.5 })).toEqual(['Double'])
  })

  test('free values are what JSON would keep of them', () => {
    const free = {
      gone: undefined,
      deep: { gone: undefined, list: [undefined, { gone: undefined }] },
      endless: Number.POSITIVE_INFINITY,
      none: Number.NaN,
      date: new Date('2026-01-02T03:04:05.678Z'),
    }
    expect(BSON.deserialize(BSON.serialize(codec.encode({ free })))).toEqual({
      free: JSON.parse(JSON.stringify(free)) as unknown,
    })
  })

  test('leaves the given document as it is', () => {
    const list = [{ at: '2026-01-02T03:04:05.678Z', size: 1 }]
    const document = { list, metadata: { a: { b: 1 } } }
    codec.encode(document)
    expect(document).toEqual({
      list: [{ at: '2026-01-02T03:04:05.678Z', size: 1 }],
      metadata: { a: { b: 1 } },
    })
  })
})

describe('what is read', () => {
  test('dates are text in UTC with milliseconds; text stays, for the schema to judge', () => {
    const date = new Date('2026-01-02T03:04:05.678Z')
    const text = '2026-01-02T03:04:05'
    expect(decoded({ at: date, days: { a: date, b: text }, free: [date, { date }] })).toEqual({
      at: date.toISOString(),
      days: { a: date.toISOString(), b: text },
      free: [date.toISOString(), { date: date.toISOString() }],
    })
    expect(decoded({ at: text })).toEqual({ at: text })
  })

  test('numbers of every BSON type are numbers', () => {
    expect(
      decoded({
        whole: Long.fromNumber(2 ** 40),
        real: Decimal128.fromString('1.5'),
        free: [new Double(3), new Int32(4), Long.fromString('9223372036854775807')],
      }),
    ).toEqual({ whole: 2 ** 40, real: 1.5, free: [3, 4, 2 ** 63] })
  })

  test('what JSON has no type for is text', () => {
    const id = new ObjectId('0123456789abcdef01234567')
    const free = {
      id,
      bytes: new Binary(Buffer.from('ab')),
      stamp: new Timestamp(new Long(1, 2)),
      deep: [{ id }],
    }
    expect(decoded({ free })).toEqual({
      free: {
        id: '0123456789abcdef01234567',
        bytes: 'YWI=',
        stamp: '8589934593',
        deep: [{ id: '0123456789abcdef01234567' }],
      },
    })
  })

  test('fields of another program stay, for the schema to leave out', () => {
    const extra = { more: [1, { a: null }], _class: 'x' }
    expect(decoded(extra)).toEqual(extra)
    // Its own field, whatever it is called.
    const free = { _bsontype: 'Long' }
    expect(codec.decode({ _id: 1, free }).free).toEqual(free)
    expect(codec.decode({ _id: new ObjectId('0123456789abcdef01234567') })._id).toBe(
      '0123456789abcdef01234567',
    )
  })

  test('a date that is none stays, for the schema to refuse', () => {
    const at = new Date(Number.NaN)
    expect(codec.decode({ _id: 1, at }).at).toBe(at)
    expect(() => Items.accept(codec.decode({ _id: 1, item_id: 'a', at }), ['at'])).toThrow(
      expect.objectContaining({ code: 'CORRUPT' }),
    )
  })
})
