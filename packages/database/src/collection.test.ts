import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineCollection, type IndexDefinition } from './collection.ts'
import { Photos } from './testing/photo.ts'

const schema = z.object({
  thing_id: z.string(),
  name: z.string().nullable().default(null),
  sizes: z.array(z.number()).default([]),
  labels: z.array(z.string()).default([]),
  nested: z.object({ at: z.iso.datetime({ local: true }).optional() }),
  map: z.record(z.string(), z.string()),
  either: z.union([z.string(), z.number()]).nullable(),
  shape: z.discriminatedUnion('type', [
    z.object({ type: z.literal('box'), x: z.number() }),
    z.object({ type: z.literal('point'), y: z.number() }),
  ]),
  literal: z.literal(['a', 'b']),
})

function define(indexes: readonly IndexDefinition[] = []) {
  return defineCollection({ name: 'things', schema, key: 'thing_id', indexes })
}

describe('a collection', () => {
  test('knows what each path holds', () => {
    const things = define()
    const kinds = (text: string) => {
      const { kind, nullable, element } = things.path(text)
      return [kind, nullable, element]
    }
    expect(kinds('thing_id')).toEqual(['string', false, undefined])
    expect(kinds('name')).toEqual(['string', true, undefined])
    expect(kinds('sizes')).toEqual(['array', false, 'number'])
    expect(kinds('nested')).toEqual(['object', false, undefined])
    expect(kinds('nested.at')).toEqual(['instant', true, undefined])
    expect(kinds('map.any')).toEqual(['string', true, undefined])
    expect(kinds('either')).toEqual(['free', true, undefined])
    expect(kinds('shape.x')).toEqual(['free', true, undefined])
    expect(kinds('literal')).toEqual(['string', false, undefined])
  })

  test('leaves `_id` to the driver, also where a model declares it', () => {
    const things = defineCollection({
      name: 'things',
      schema: z.object({ _id: z.string().nullable().catch(null), thing_id: z.string() }),
      key: 'thing_id',
    })
    expect(things.fields).toEqual(['thing_id'])
    expect(things.parse({ _id: 'x', thing_id: 'y' })).toEqual({ thing_id: 'y' })
    expect(() => things.path('_id')).toThrow(/does not exist/)
  })

  test('names its indexes, the one of the key first', () => {
    const names = Photos.indexes.map(({ name }) => name)
    expect(names.slice(0, 5)).toEqual([
      'photo_id_1',
      'mt_title',
      'album_1_number_1',
      'created_at_-1_photo_id_-1',
      'split_1_created_at_-1_photo_id_-1',
    ])
    expect(Photos.indexes[3]?.fields.map(({ descending }) => descending)).toEqual([true, true])
    expect(Photos.indexes.at(-1)).toMatchObject({ only: 'mongo', unique: false, each: false })
  })

  test.each<[string, IndexDefinition]>([
    ['a path that does not exist', { on: ['nothing'] }],
    ['an array', { on: ['labels'] }],
    ['an object', { on: ['nested'] }],
    ['each of what is no array', { each: 'name' }],
    ['each of numbers', { each: 'sizes' }],
    ['the name of another', { on: ['name'], name: 'thing_id_1' }],
  ])('refuses an index on %s', (_what, index) => {
    expect(() => define([index])).toThrow()
  })

  test('refuses a key that is no required string, and odd names', () => {
    expect(() => defineCollection({ name: 'things', schema, key: 'name' })).toThrow(
      /required string/,
    )
    expect(() => defineCollection({ name: 'odd"name', schema, key: 'thing_id' })).toThrow(/name/)
  })
})
