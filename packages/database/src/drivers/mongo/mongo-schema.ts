import mongoose from 'mongoose'
import type { Collection } from '../../collection.ts'
import type { Shape } from '../../paths.ts'

/**
 * zod has checked and filled in every document, and the codec has converted it: Mongoose adds nothing and
 * drops nothing. `minimize` would lose empty objects.
 */
const asItIs = {
  versionKey: false,
  minimize: false,
  id: false,
  timestamps: false,
  autoIndex: false,
  autoCreate: false,
  bufferCommands: false,
} as const

/** The Mongoose schema of a collection, made from the kinds that its zod schema declares. */
export function mongooseSchemaOf(collection: Collection): mongoose.Schema {
  return new mongoose.Schema(fieldsOf(collection.shape), { ...asItIs, collection: collection.name })
}

function fieldsOf(shape: Shape): mongoose.SchemaDefinition {
  // The long form: a field of the name `type` would else be taken for the type of its parent.
  const fields = [...shape.fields].map(([name, field]) => [name, { type: typeOf(field) }])
  return Object.fromEntries(fields) as mongoose.SchemaDefinition
}

function typeOf(shape: Shape): unknown {
  const { Mixed } = mongoose.Schema.Types
  switch (shape.kind) {
    case 'string':
      return String
    case 'number':
      return Number
    case 'boolean':
      return Boolean
    case 'instant':
      return Date
    case 'array':
      return [{ type: shape.of === undefined ? Mixed : typeOf(shape.of) }]
    case 'object':
      // Maps stay free: Mongoose's refuse keys with dots.
      if (shape.fields.size === 0) return Mixed
      return new mongoose.Schema(fieldsOf(shape), { ...asItIs, _id: false })
    default:
      return Mixed
  }
}
