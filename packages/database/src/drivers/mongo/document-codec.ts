import mongoose from 'mongoose'
import type { Collection } from '../../collection.ts'
import type { Shape } from '../../paths.ts'

type Row = Record<string, unknown>
type Convert = (value: unknown) => unknown

const { Double, Long } = mongoose.mongo
const maxInt32 = 0x7f_ff_ff_ff

/**
 * Documents of one collection between code and BSON, by the declared kind of each path:
 *
 * - instants are ISO text here and dates there;
 * - whole numbers are int32 or int64 there, other numbers double, as the Python reference writes them;
 * - free-form values are what JSON can say: a date or binary that Python put there is read as text.
 */
export class DocumentCodec {
  readonly #encoders: ReadonlyMap<string, Convert>
  readonly #decoders: ReadonlyMap<string, Convert>

  constructor({ shape }: Collection) {
    const fields = [...shape.fields]
    this.#encoders = new Map(fields.flatMap(([name, field]) => named(name, encoder(field))))
    this.#decoders = new Map(fields.flatMap(([name, field]) => named(name, decoder(field))))
  }

  /** A checked document as it is stored, without an `_id`. The given one stays as it is. */
  encode(document: object): Row {
    return Object.fromEntries(
      Object.entries(document).map(([field, value]) => [field, this.encodeField(field, value)]),
    )
  }

  /** The value of one top-level field as it is stored. */
  encodeField(field: string, value: unknown): unknown {
    const convert = this.#encoders.get(field)
    return convert === undefined ? value : convert(value)
  }

  /** A document as it is in code, not yet checked. Takes the given one apart. */
  decode(stored: Row): Row {
    for (const [field, convert] of this.#decoders) {
      if (stored[field] !== undefined) stored[field] = convert(stored[field])
    }
    stored._id = String(stored._id)
    return stored
  }
}

function named(name: string, convert: Convert | undefined): [string, Convert][] {
  return convert === undefined ? [] : [[name, convert]]
}

function encoder(shape: Shape): Convert | undefined {
  switch (shape.kind) {
    case 'instant':
      return (value) => (typeof value === 'string' ? new Date(value) : value)
    case 'number':
      return shape.whole ? wholeNumber : anyNumber
    case 'free':
      return json
    default:
      return within(shape, encoder)
  }
}

function decoder(shape: Shape): Convert | undefined {
  switch (shape.kind) {
    case 'instant':
      return (value) => (value instanceof Date ? dateText(value) : value)
    case 'number':
    case 'free':
      return plain
    default:
      return within(shape, decoder)
  }
}

/** Converts what lies in an object, a map or an array, in a copy; undefined where nothing is to be done. */
function within(shape: Shape, of: (shape: Shape) => Convert | undefined): Convert | undefined {
  const each = shape.of === undefined ? undefined : of(shape.of)
  if (shape.kind === 'array') {
    if (each === undefined) return undefined
    return (value) => (Array.isArray(value) ? value.map(each) : value)
  }
  if (shape.kind !== 'object') return undefined
  const fields = new Map([...shape.fields].flatMap(([name, field]) => named(name, of(field))))
  if (fields.size === 0 && each === undefined) return undefined
  return (value) => {
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        const convert = fields.get(name) ?? (shape.fields.has(name) ? undefined : each)
        return [name, convert === undefined ? one : convert(one)]
      }),
    )
  }
}

function wholeNumber(value: unknown): unknown {
  return typeof value === 'number' && Math.abs(value) > maxInt32 ? Long.fromNumber(value) : value
}

function anyNumber(value: unknown): unknown {
  return typeof value === 'number' ? new Double(value) : value
}

/** A free-form value as JSON would keep it. Large whole numbers stay whole: BSON would make doubles of them. */
function json(value: unknown): unknown {
  if (typeof value === 'number') return jsonNumber(value)
  if (typeof value !== 'object' || value === null) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return json(value.toJSON())
  if (Array.isArray(value)) return value.map((one) => (one === undefined ? null : json(one)))
  const kept = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(kept.map(([name, one]) => [name, json(one)]))
}

function jsonNumber(value: number): unknown {
  if (!Number.isFinite(value)) return null
  return Number.isSafeInteger(value) ? wholeNumber(value) : value
}

/** A value with what JSON has in place of what BSON has; objects and arrays are changed in place. */
export function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return dateText(value)
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) {
      const one: unknown = value[at]
      if (typeof one === 'object' && one !== null) value[at] = plain(one)
    }
    return value
  }
  const type = bsonType(value)
  if (type === 'Long' || type === 'Decimal128' || type === 'Double' || type === 'Int32') {
    return Number(String(value))
  }
  if (type === 'Binary') return (value as mongoose.mongo.Binary).toString('base64')
  if (type !== undefined) return String(value)
  const row = value as Row
  for (const name of Object.keys(row)) {
    const one = row[name]
    if (typeof one === 'object' && one !== null) row[name] = plain(one)
  }
  return row
}

/** An invalid date stays one, for the schema to refuse. */
function dateText(date: Date): unknown {
  return Number.isNaN(date.getTime()) ? date : date.toISOString()
}

/** A property on the prototype: one that a document holds itself is its own field. */
function bsonType(value: object): unknown {
  return Object.hasOwn(value, '_bsontype') ? undefined : Reflect.get(value, '_bsontype')
}

function isObject(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
