import type { z } from 'zod'
import type { Collection } from '../../collection.ts'
import { plain } from './document-codec.ts'

type Row = Record<string, unknown>

/** Reads a value, in place where it can; {@link unusual} when the schema itself has to be asked. */
type Read = (value: unknown) => unknown

/** The answer to whatever is not exactly as we write it. */
const unusual = Symbol('unusual')

/**
 * Reads the documents that lie as we write them, which nearly all do: decoded and checked in one pass. Made from the
 * schema, for which it answers only where it knows the schema's answer: to take the value as it is. Everything else,
 * right or wrong, is for the schema to judge: fields that are missing or more than declared, another type,
 * another order, a kind of schema that is not here.
 */
export class DocumentReader {
  readonly #names: readonly string[]
  readonly #fields: ReadonlyMap<string, Read>

  constructor({ schema, fields }: Collection) {
    const { def } = (schema as unknown as z.core.$ZodObject)._zod
    this.#names = fields
    // Whoever looks at the whole has to see it.
    const known = def.type === 'object' && isPlainly(def) ? Object.entries(def.shape) : []
    this.#fields = new Map(
      known.flatMap(([name, field]) => {
        const read = readerOf(field as z.core.$ZodTypes)
        return read === undefined ? [] : [[name, read]]
      }),
    )
  }

  /** The document, or undefined when the schema has to be asked; then the row can still be decoded. */
  read(row: Row, names: readonly string[] = this.#names): Row | undefined {
    const document: Row = {}
    for (const name of names) {
      const value = row[name]
      const read = this.#fields.get(name)
      if (value === undefined || read === undefined) return undefined
      const own = read(value)
      if (own === unusual) return undefined
      document[name] = own
    }
    document._id = String(row._id)
    return document
  }
}

function readerOf(schema: z.core.$ZodTypes): Read | undefined {
  const { def } = schema._zod
  switch (def.type) {
    case 'string':
      return 'format' in def && def.format === 'datetime'
        ? instant(schema)
        : isPlainly(def)
          ? text
          : undefined
    case 'number':
      return number(def)
    case 'boolean':
      return isPlainly(def) ? (value) => (typeof value === 'boolean' ? value : unusual) : undefined
    case 'enum':
    case 'literal':
      return isPlainly(def) ? oneOf(schema._zod.values) : undefined
    case 'unknown':
    case 'any':
      return isPlainly(def) ? plain : undefined
    case 'nullable':
      return isPlainly(def) ? orNull(inner(def.innerType)) : undefined
    case 'default':
    case 'prefault':
    case 'optional':
      return isPlainly(def) ? inner(def.innerType) : undefined
    case 'array':
      return isPlainly(def) ? elements(inner(def.element)) : undefined
    case 'record':
      return isPlainly(def) && inner(def.keyType) === text
        ? values(inner(def.valueType))
        : undefined
    case 'object': {
      const { checks = [], ...rest } = def
      return isPlainly(rest)
        ? overwritten(object(def.shape as z.core.$ZodShape), checks)
        : undefined
    }
    default:
      return undefined
  }
}

function inner(schema: z.core.$ZodType): Read | undefined {
  return readerOf(schema as z.core.$ZodTypes)
}

/** Whether a definition asks for nothing that is not seen in its type. */
function isPlainly(def: object): boolean {
  const { checks, format, coerce, catchall, mode, partial } = def as Readonly<
    Record<string, unknown>
  >
  return (
    (checks === undefined || (Array.isArray(checks) && checks.length === 0)) &&
    [format, coerce, catchall, mode, partial].every((one) => one === undefined || one === false)
  )
}

function text(value: unknown): unknown {
  return typeof value === 'string' ? value : unusual
}

const earliest = Date.parse('0000-01-01T00:00:00.000Z')
const latest = Date.parse('9999-12-31T23:59:59.999Z')

/** Dates between those have the one form of our instants; a schema may take it, and nothing else of it is used. */
function instant(schema: z.core.$ZodTypes): Read | undefined {
  const samples = [earliest, latest, Date.UTC(2024, 1, 29, 12, 34, 56, 789)]
  const { def } = schema._zod as { readonly def: { readonly checks?: readonly z.core.$ZodCheck[] } }
  const isKnown =
    (def.checks ?? []).every((check) => check._zod.def.check === 'overwrite') &&
    samples.every((sample) => {
      const form = new Date(sample).toISOString()
      const taken = (schema as unknown as z.ZodType).safeParse(form)
      return taken.success && taken.data === form
    })
  if (!isKnown) return undefined
  return (value) => {
    if (!(value instanceof Date)) return unusual
    const time = value.getTime()
    return time >= earliest && time <= latest ? value.toISOString() : unusual
  }
}

/** Whole numbers and those between bounds are known. */
function number(def: z.core.$ZodNumberDef): Read | undefined {
  let isWhole = false
  const bounds: ((value: number) => boolean)[] = []
  const checks = [
    ...('check' in def ? [def] : []),
    ...(def.checks ?? []).map((one) => one._zod.def),
  ]
  for (const check of checks as Partial<z.core.$ZodCheckGreaterThanDef & { format: string }>[]) {
    const { value: bound, inclusive } = check
    if (check.check === ('number_format' as string) && check.format === 'safeint') isWhole = true
    else if (typeof bound !== 'number') return undefined
    else if (check.check === 'greater_than')
      bounds.push((value) => value > bound || (inclusive === true && value === bound))
    else if (check.check === ('less_than' as string))
      bounds.push((value) => value < bound || (inclusive === true && value === bound))
    else return undefined
  }
  if (def.coerce) return undefined
  const isKind = isWhole ? Number.isSafeInteger : Number.isFinite
  return (value) =>
    isKind(value) && bounds.every((holds) => holds(value as number)) ? value : unusual
}

function oneOf(values: ReadonlySet<unknown> | undefined): Read | undefined {
  return values && ((value) => (values.has(value) ? value : unusual))
}

function orNull(read: Read | undefined): Read | undefined {
  return read && ((value) => (value === null ? null : read(value)))
}

function elements(read: Read | undefined): Read | undefined {
  if (read === undefined) return undefined
  return (value) => {
    if (!Array.isArray(value)) return unusual
    for (let at = 0; at < value.length; at += 1) {
      const element: unknown = value[at]
      const own = read(element)
      if (own === unusual) return unusual
      if (own !== element) value[at] = own
    }
    return value
  }
}

function values(read: Read | undefined): Read | undefined {
  if (read === undefined) return undefined
  return (value) => {
    if (!isPlainObject(value)) return unusual
    for (const name in value) {
      // The schema would leave it out.
      if (name === '__proto__') return unusual
      const one = value[name]
      const own = read(one)
      if (own === unusual) return unusual
      if (own !== one) value[name] = own
    }
    return value
  }
}

/** All of its fields and no other, in the order of the schema, which is how the schema would give them. */
function object(shape: z.core.$ZodShape): Read | undefined {
  const names = Object.keys(shape)
  const reads: Read[] = []
  for (const field of Object.values(shape)) {
    const read = inner(field)
    if (read === undefined) return undefined
    reads.push(read)
  }
  return (value) => {
    if (!isPlainObject(value)) return unusual
    let at = 0
    for (const name in value) {
      const read = reads[at]
      const one = value[name]
      if (read === undefined || name !== names[at] || one === undefined) return unusual
      const own = read(one)
      if (own === unusual) return unusual
      if (own !== one) value[name] = own
      at += 1
    }
    return at === names.length ? value : unusual
  }
}

/**
 * What `overwrite` makes of a value, last of all, as the schema would; no other check is known. It may see its own
 * result again, when something else leaves the document to the schema.
 */
function overwritten(
  read: Read | undefined,
  checks: readonly z.core.$ZodCheck<never>[],
): Read | undefined {
  if (read === undefined || checks.length === 0) return read
  const changes: ((value: unknown) => unknown)[] = []
  for (const { _zod } of checks) {
    const { check, tx } = _zod.def as { readonly check: string; readonly tx?: (typeof changes)[0] }
    if (check !== 'overwrite' || tx === undefined) return undefined
    changes.push(tx)
  }
  return (value) => {
    const own = read(value)
    return own === unusual ? unusual : changes.reduce((changed, change) => change(changed), own)
  }
}

function isPlainObject(value: unknown): value is Row {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
