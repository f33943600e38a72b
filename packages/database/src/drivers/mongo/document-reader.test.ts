import { isMindtraceError } from '@mindtrace/core'
import fc from 'fast-check'
import mongoose from 'mongoose'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Collection, defineCollection } from '../../collection.ts'
import { aPhoto, Photos } from '../../testing/photo.ts'
import { aThing, Things } from '../../testing/random-filters.ts'
import { DocumentCodec } from './document-codec.ts'
import { DocumentReader } from './document-reader.ts'

type Row = Record<string, unknown>

const { BSON, Binary, Decimal128, Double, Long, ObjectId } = mongoose.mongo

/** A schema of every kind: those that the reader knows, and those that it must leave to zod. */
const Odds = defineCollection({
  name: 'odds',
  key: 'odd_id',
  schema: z.object({
    odd_id: z.string(),
    whole: z.number().int(),
    bounded: z.int().min(1).max(10).nullable(),
    above: z.number().gt(0),
    one: z.literal(['a', 1]),
    named: z.enum(['x', 'y']).default('x'),
    maybe: z.string().optional(),
    at: z.iso.datetime({ offset: true, local: true }).overwrite((text) => text),
    days: z.record(z.string(), z.iso.datetime()),
    parts: z.array(z.object({ name: z.string(), size: z.number().nullable().default(null) })),
    place: z
      .object({ name: z.string(), key: z.string().nullable().default(null) })
      .overwrite((place) => ({ ...place, key: `main/${place.name}` }))
      .nullable()
      .default(null),
    free: z.unknown(),
  }),
})

/** Fields of which the reader can't know what zod says. */
const unknown = {
  'a pattern': z.string().regex(/^a/),
  'a shortest length': z.array(z.string()).min(1),
  'a refinement': z.string().refine((text) => text !== 'b'),
  'a transformation': z.string().transform((text) => text.length),
  'a union': z.union([z.string(), z.number()]),
  'a strict object': z.strictObject({ a: z.string() }),
  'a step': z.number().multipleOf(2),
  'an instant that is rounded': z.iso.datetime().overwrite((text) => `${text.slice(0, 19)}.000Z`),
}

/** What zod makes of a row, or the error that it ends in. */
function accepted(collection: Collection, row: Row, names?: readonly string[]): unknown {
  try {
    return collection.accept(new DocumentCodec(collection).decode(row), names)
  } catch (error) {
    if (!isMindtraceError(error, 'CORRUPT')) throw error
    return error.message
  }
}

/** A row as the server gives it, made anew, since reading takes it apart. */
function fromServer(row: Row): Row {
  return BSON.deserialize(BSON.serialize(row), { fieldsAsRaw: Object.create(null) })
}

const oddValue = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>('a', 'x', '', 1, 0, 1.5, -1, 11, 1e21, null, true),
  },
  fc.constantFrom<unknown>([], {}, ['a', 1], { name: 'n', size: 1 }, [{ name: 'n', size: null }]),
  fc.constantFrom<unknown>(
    [{ size: 1, name: 'n' }],
    [{ name: 'n' }],
    [{ name: 'n', size: 1, more: 1 }],
  ),
  fc.constantFrom<unknown>({ name: 'n', key: 'another' }, { name: 'n' }, { name: 1, key: null }),
  fc.constantFrom<unknown>(
    { d: new Date(5) },
    { d: new Date(Number.NaN) },
    { d: '2026-01-01T00:00:00Z' },
  ),
  fc.date().map((date): unknown => date),
  fc.constantFrom<unknown>(
    '2026-01-01T00:00:00Z',
    '2026-01-01',
    new Date('-000001-01-01T00:00:00Z'),
  ),
  fc.constantFrom<unknown>(Long.fromString('9007199254740993'), Long.fromNumber(5)),
  fc.constantFrom<unknown>(
    Decimal128.fromString('1.5'),
    new Double(3),
    new Binary(Buffer.from('ab')),
  ),
  fc.constantFrom<unknown>(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    new ObjectId('0123456789abcdef01234567'),
  ),
  fc.constantFrom<unknown>(JSON.parse('{"__proto__": {"a": 1}}'), {
    constructor: 'c',
    toString: 1,
  }),
)

const usualOdd = {
  odd_id: 'odd_1',
  whole: 5,
  bounded: 10,
  above: 0.5,
  one: 'a',
  named: 'y',
  maybe: 'm',
  at: new Date(0),
  days: { first: new Date('9999-12-31T23:59:59.999Z') },
  parts: [{ name: 'n', size: null }],
  place: { name: 'n', key: 'main/n' },
  free: { at: new Date(1), large: Long.fromNumber(2 ** 40), list: [new Binary(Buffer.from('a'))] },
} satisfies Row

describe('a reader of documents', () => {
  test('gives what zod gives, in the same order, or leaves it to zod', () => {
    const changes = fc.dictionary(fc.constantFrom(...Odds.fields, 'more'), oddValue, { maxKeys: 3 })
    const gone = fc.subarray([...Odds.fields], { maxLength: 2 })
    const names = fc.option(fc.subarray([...Odds.fields]), { nil: undefined, freq: 2 })
    let read = 0
    fc.assert(
      fc.property(changes, gone, names, (change, without, only) => {
        const row = { _id: new ObjectId(), ...usualOdd, ...change } as Row
        for (const name of without) Reflect.deleteProperty(row, name)
        const expected = accepted(Odds, fromServer(row), only)
        const taken = fromServer(row)
        const document = new DocumentReader(Odds).read(taken, only)
        if (document === undefined) {
          // What it left behind is still to be read.
          expect(accepted(Odds, taken, only)).toEqual(expected)
          return
        }
        read += 1
        expect(document).toStrictEqual(expected)
        expect(JSON.stringify(document)).toBe(JSON.stringify(expected))
      }),
      { numRuns: 3000 },
    )
    expect(read).toBeGreaterThan(300)
  })

  test('reads by itself whatever we write', () => {
    const written = (collection: Collection, document: object) => {
      const row = { _id: new ObjectId(), ...new DocumentCodec(collection).encode(document) }
      const read = new DocumentReader(collection).read(fromServer(row))
      expect(read).toStrictEqual(accepted(collection, fromServer(row)))
      expect(read).toMatchObject(document)
    }
    const camera = { maker: 'm', model: null }
    const lease_expires_at = '2026-01-01T00:00:00.000Z'
    written(Photos, Photos.parse(aPhoto(1)))
    written(Photos, Photos.parse(aPhoto(2, { camera, lease_expires_at, files: { a: 'b' } })))
    fc.assert(
      fc.property(aThing, (thing) =>
        written(Things, Things.parse({ ...thing, thing_id: 'thing_1' } as never)),
      ),
    )
    expect(new DocumentReader(Odds).read(fromServer({ _id: 1, ...usualOdd }))).toBeDefined()
  })

  test.each(Object.entries(unknown))('leaves %s to zod', (_name, field) => {
    const collection = defineCollection({
      name: 'unknown',
      key: 'id',
      schema: z.object({ id: z.string(), field }),
    })
    const values = ['a', ['a'], { a: 'a' }, 2, new Date(1500)]
    const reader = new DocumentReader(collection as unknown as Collection)
    for (const value of values) {
      expect(reader.read({ _id: 1, id: 'a', field: value }, ['id', 'field'])).toBeUndefined()
      expect(reader.read({ _id: 1, id: 'a', field: value }, ['id'])).toEqual({ _id: '1', id: 'a' })
    }
  })
})
