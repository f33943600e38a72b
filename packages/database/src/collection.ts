import { MindtraceError, parseInstant } from '@mindtrace/core'
import type { z } from 'zod'
import { objectIdOf } from './object-id.ts'
import { type Path, type Scalar, SchemaPaths, type Shape, valueAt } from './paths.ts'

/** The database systems an index can be meant for. */
export type Backend = 'mongo' | 'sqlite'

/**
 * An index as a collection declares it. A path begins with `-` where the index descends. `each` indexes
 * the elements of an array of strings. `only` leaves the index out everywhere else: one that the
 * reference requires in MongoDB can be harmful in SQLite.
 */
export type IndexDefinition = {
  /** Default: MongoDB's own, `<path>_1_<path>_-1`. It is what a `DUPLICATE` error says in `details.on`. */
  readonly name?: string
  readonly only?: Backend
} & (
  | { readonly on: readonly string[]; readonly unique?: boolean; readonly each?: never }
  | { readonly each: string; readonly on?: never; readonly unique?: never }
)

/** One path of an index. */
export interface IndexField {
  readonly path: Path
  readonly descending: boolean
}

/** An index as drivers create it. */
export interface Index {
  readonly name: string
  readonly fields: readonly IndexField[]
  readonly unique: boolean
  /** Whether the one field is an array whose elements are indexed. */
  readonly each: boolean
  readonly only: Backend | undefined
}

/** A document as the database gives it back: with the reference's `_id`, 24 hex digits. */
export type Stored<T> = T & { readonly _id: string }

/** Everything that is known of the documents of one kind, in one place. Made by {@link defineCollection}. */
export interface Collection<T extends object = object, I = unknown> {
  readonly name: string
  readonly schema: z.ZodType<T, I>
  /** The business key: a top-level string, unique and never changed. */
  readonly key: string
  /** The declared top-level fields, in the order of the schema. */
  readonly fields: readonly string[]
  /** The schema as a tree of kinds. */
  readonly shape: Shape
  /** See {@link CollectionDefinition.shared}. */
  readonly shared: boolean
  /** The index of the key first, then the declared ones. */
  readonly indexes: readonly Index[]
  /** See {@link CollectionDefinition.counted}. */
  readonly counted: readonly Path[]
  /**
   * What the schema says of a dotted path.
   *
   * @throws {@link MindtraceError} `QUERY_NOT_SUPPORTED` when it has no such path.
   */
  path(text: string): Path
  /**
   * A document ready to be written: checked, defaults filled in, undeclared fields dropped, instants in
   * their one form.
   *
   * @throws {@link MindtraceError} `VALIDATION_FAILED` with zod's `issues` in its details.
   */
  parse(input: I): T
  /** The value of one top-level field, checked like {@link Collection.parse}. */
  parseField(field: string, value: unknown): unknown
  /**
   * A document as it was stored, made whole in place: fields that are missing because the row is older
   * than they are get their defaults, and `_id` is added where the database has none.
   */
  restore(document: Record<string, unknown>, fields?: readonly string[]): Stored<T>
  /**
   * A document that another program may have written: like {@link Collection.restore}, but checked, and
   * without what is not declared. Its instants are text, `_id` is there.
   *
   * @throws {@link MindtraceError} `CORRUPT` with zod's `issues` in its details.
   */
  accept(document: Record<string, unknown>, fields?: readonly string[]): Stored<T>
  /** The key of a document. */
  keyOf(document: object): string
}

/** What {@link defineCollection} takes. */
export interface CollectionDefinition<S extends z.ZodObject> {
  /** Lower case letters, digits and `_`. */
  readonly name: string
  /** A field `_id` in it is left out: the driver adds it. */
  readonly schema: S
  readonly key: keyof z.output<S> & string
  readonly indexes?: readonly IndexDefinition[]
  /**
   * Paths of few single values, of which it is often asked how many documents have each. A driver that can keep these
   * numbers exactly, whoever writes, does so; they cost a little with every write.
   */
  readonly counted?: readonly string[]
  /**
   * Whether another program writes these documents too, so that some may break a unique index. They are
   * reported and stay readable; only documents that come after them are held to it. Default: false.
   */
  readonly shared?: boolean
}

/** The most bytes a key may have, in UTF-8. */
export const maxKeyBytes = 256

/** The most bytes a document may have, MongoDB's own limit. */
export const maxDocumentBytes = 16_777_216

/**
 * Declares a collection: shape, defaults, key and indexes, all of it here and nowhere else.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when the key or an index does not fit the schema.
 */
export function defineCollection<S extends z.ZodObject>(
  definition: CollectionDefinition<S>,
): Collection<z.output<S>, z.input<S>> {
  const { name, key } = definition
  // `_id` is the driver's own, also where a model for the wire declares it.
  const schema =
    '_id' in definition.schema.shape ? definition.schema.omit({ _id: true }) : definition.schema
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
    throw invalid(name, 'has a name that is not made of lower case letters, digits and _')
  }
  const paths = new SchemaPaths(name, schema)
  const keyPath = paths.path(key)
  if (keyPath.kind !== 'string' || keyPath.nullable) {
    throw invalid(name, `has the key '${key}', which is not a required string`)
  }
  const instants = paths.instants()
  const shape = schema.shape as Readonly<Record<string, z.ZodType>>
  const fields = Object.keys(shape)

  const fieldSchema = (field: string): z.ZodType => {
    const found = Object.hasOwn(shape, field) ? shape[field] : undefined
    if (found === undefined) {
      throw new MindtraceError(
        'VALIDATION_FAILED',
        `'${name}' has no field '${field.slice(0, 64)}'`,
        {
          details: { collection: name, field: field.slice(0, 64) },
        },
      )
    }
    return found
  }

  return {
    name,
    schema: schema as unknown as z.ZodType<z.output<S>, z.input<S>>,
    key,
    fields,
    shape: paths.shape(),
    shared: definition.shared ?? false,
    indexes: indexesOf(definition, paths),
    counted: countedOf(definition, paths),
    path: (text) => paths.path(text),

    parse(input) {
      const result = schema.safeParse(input)
      if (!result.success) throw validationFailed(name, key, input, result.error)
      const document = result.data as Record<string, unknown>
      for (const segments of instants) normaliseInstant(document, segments)
      checkKey(name, key, document[key] as string)
      return document as z.output<S>
    },

    parseField(field, value) {
      const result = fieldSchema(field).safeParse(value)
      if (!result.success) throw validationFailed(name, key, { [field]: value }, result.error)
      const document = { [field]: result.data }
      for (const segments of instants) {
        if (segments[0] === field) normaliseInstant(document, segments)
      }
      return document[field]
    },

    restore(document, only = fields) {
      for (const field of only) {
        if (document[field] !== undefined) continue
        // Asked anew each time: a default may be an object, which two documents must not share.
        const byDefault = fieldSchema(field).safeParse(undefined)
        if (byDefault.success && byDefault.data !== undefined) document[field] = byDefault.data
      }
      document._id ??= objectIdOf(document[key] as string)
      return document as Stored<z.output<S>>
    },

    accept(document, only) {
      const { _id } = document
      const accepted: Record<string, unknown> = {}
      if (only === undefined) {
        const result = schema.safeParse(document)
        if (!result.success) throw corrupt(name, key, document, result.error)
        Object.assign(accepted, result.data)
      }
      for (const field of only ?? []) {
        const result = fieldSchema(field).safeParse(document[field])
        if (!result.success) throw corrupt(name, key, document, result.error, field)
        if (result.data !== undefined) accepted[field] = result.data
      }
      accepted._id = _id
      return accepted as Stored<z.output<S>>
    },

    keyOf: (document) => (document as Record<string, unknown>)[key] as string,
  }
}

/** The values of an index's paths in a document: one value, or an array for several paths. */
export function indexedValue(index: Index, document: object): Scalar | readonly Scalar[] {
  const values = index.fields.map(
    ({ path }) => (valueAt(document, path.segments) ?? null) as Scalar,
  )
  return values.length === 1 ? (values[0] as Scalar) : values
}

/** A path with or without its leading `-`, as sorts and indexes write it. */
export function directed(text: string): { readonly path: string; readonly descending: boolean } {
  return text.startsWith('-')
    ? { path: text.slice(1), descending: true }
    : { path: text, descending: false }
}

function indexesOf<S extends z.ZodObject>(
  { name, key, indexes = [] }: CollectionDefinition<S>,
  paths: SchemaPaths,
): readonly Index[] {
  const declared = indexes.map((definition): Index => {
    const { only, each } = definition
    const fields = (definition.on ?? [definition.each]).map((text) => {
      const { path, descending } = directed(text)
      return { path: paths.path(path), descending }
    })
    for (const { path } of fields) {
      if (
        each === undefined
          ? path.kind === 'array' || path.kind === 'object'
          : path.element !== 'string'
      ) {
        throw invalid(
          name,
          `has an index on '${path.text}', which is ${each ? 'no array of strings' : 'no single value'}`,
        )
      }
    }
    return {
      name: definition.name ?? nameOf(fields),
      fields,
      unique: definition.unique ?? false,
      each: each !== undefined,
      only,
    }
  })
  const keyFields = [{ path: paths.path(key), descending: false }]
  const keyIndex: Index = {
    name: nameOf(keyFields),
    fields: keyFields,
    unique: true,
    each: false,
    only: undefined,
  }
  const all = [keyIndex, ...declared]
  const repeated = all.find(
    (index, at) => all.findIndex((other) => other.name === index.name) !== at,
  )
  if (repeated !== undefined) throw invalid(name, `has two indexes of the name '${repeated.name}'`)
  return all
}

function countedOf<S extends z.ZodObject>(
  { name, counted = [] }: CollectionDefinition<S>,
  paths: SchemaPaths,
): readonly Path[] {
  return counted.map((text) => {
    const path = paths.path(text)
    if (['array', 'object', 'free'].includes(path.kind)) {
      throw invalid(name, `counts by '${text}', which is no declared single value`)
    }
    return path
  })
}

/** The name that MongoDB and its drivers give an index, so that every program means the same one. */
function nameOf(fields: readonly IndexField[]): string {
  return fields.map(({ path, descending }) => `${path.text}_${descending ? -1 : 1}`).join('_')
}

function invalid(collection: string, reason: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `Collection '${collection}' ${reason}`, {
    details: { collection },
  })
}

function normaliseInstant(document: Record<string, unknown>, segments: readonly string[]): void {
  let holder = document
  for (const segment of segments.slice(0, -1)) {
    const next = holder[segment]
    if (typeof next !== 'object' || next === null) return
    holder = next as Record<string, unknown>
  }
  const last = segments[segments.length - 1] as string
  const value = holder[last]
  // 24 characters that end in Z are the one form already, and the schema has checked them.
  if (typeof value !== 'string' || (value.length === 24 && value.endsWith('Z'))) return
  holder[last] = parseInstant(value)
}

function checkKey(collection: string, field: string, key: string): void {
  // A UTF-16 unit is at most three bytes, so most keys are within the limit at a glance.
  if (key.length > 0 && key.length * 3 <= maxKeyBytes) return
  const bytes = new TextEncoder().encode(key).length
  if (bytes > 0 && bytes <= maxKeyBytes) return
  throw new MindtraceError(
    'VALIDATION_FAILED',
    `${field} of '${collection}' has ${bytes} bytes: use 1 to ${maxKeyBytes}`,
    { details: { collection, field, bytes, limit: maxKeyBytes } },
  )
}

function validationFailed(
  collection: string,
  key: string,
  input: unknown,
  error: z.ZodError,
): MindtraceError {
  const [first] = error.issues
  const where = first?.path.map(String).join('.') || 'the document'
  const named = typeof input === 'object' && input !== null ? Reflect.get(input, key) : undefined
  const who = typeof named === 'string' ? ` '${named.slice(0, 80)}'` : ''
  return new MindtraceError(
    'VALIDATION_FAILED',
    `Document${who} does not fit '${collection}': ${where}: ${first?.message ?? 'invalid'}`,
    { cause: error, details: { collection, issues: error.issues } },
  )
}

function corrupt(
  collection: string,
  key: string,
  document: Readonly<Record<string, unknown>>,
  error: z.ZodError,
  field?: string,
): MindtraceError {
  const [first] = error.issues
  const where = [...(field === undefined ? [] : [field]), ...(first?.path ?? [])].map(String)
  const named = typeof document[key] === 'string' ? document[key] : `_id ${document._id}`
  return new MindtraceError(
    'CORRUPT',
    `Document '${named.slice(0, 256)}' of '${collection}' does not fit its schema: ${where.join('.')}: ${first?.message ?? 'invalid'}. Another program wrote it: correct it there`,
    { cause: error, details: { collection, key: named, issues: error.issues } },
  )
}
