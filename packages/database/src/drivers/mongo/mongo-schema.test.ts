import type mongoose from 'mongoose'
import { expect, test } from 'vitest'
import type { Collection } from '../../collection.ts'
import type { Shape } from '../../paths.ts'
import { Photos } from '../../testing/photo.ts'
import { Things } from '../../testing/random-filters.ts'
import { mongooseSchemaOf } from './mongo-schema.ts'

const instances = {
  string: 'String',
  number: 'Number',
  boolean: 'Boolean',
  instant: 'Date',
  array: 'Array',
  free: 'Mixed',
}

/** What zod's declaration says, in the words of Mongoose. */
function declared(shape: Shape): unknown {
  if (shape.kind === 'object') {
    if (shape.fields.size === 0) return 'Mixed'
    return Object.fromEntries([...shape.fields].map(([name, field]) => [name, declared(field)]))
  }
  if (shape.kind !== 'array') return instances[shape.kind]
  return [shape.of === undefined ? 'Mixed' : declared(shape.of)]
}

/** What a Mongoose schema says. */
function mapped(schema: mongoose.Schema): unknown {
  return Object.fromEntries(
    Object.entries(schema.paths)
      .filter(([name]) => name !== '_id')
      .map(([name, type]) => [name, mappedType(type)]),
  )
}

function mappedType(type: mongoose.SchemaType): unknown {
  if (type.instance === 'Embedded')
    return mapped((type as mongoose.Schema.Types.Subdocument).schema)
  if (type.instance !== 'Array') return type.instance
  const { embeddedSchemaType } = type as mongoose.Schema.Types.Array
  return [mappedType(embeddedSchemaType as unknown as mongoose.SchemaType)]
}

test.each<[string, Collection]>([
  ['photos', Photos],
  ['things', Things],
])('the Mongoose schema of %s agrees with the zod schema', (_name, collection) => {
  const schema = mongooseSchemaOf(collection)
  expect(mapped(schema)).toEqual(declared(collection.shape))
  expect(Object.keys(schema.paths)).toEqual([...collection.fields, '_id'])
  expect(schema.options).toMatchObject({
    minimize: false,
    versionKey: false,
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
  })
})
