import { MindtraceError, parseInstant } from '@mindtrace/core'
import type { Collection } from './collection.ts'
import type { ElementKind, Path, Scalar } from './paths.ts'

/** What a path may be compared with besides a plain value. All that are given must hold. */
export interface FilterOperators {
  readonly $eq?: Scalar
  readonly $ne?: Scalar
  readonly $in?: readonly Scalar[]
  readonly $nin?: readonly Scalar[]
  readonly $gt?: Scalar
  readonly $gte?: Scalar
  readonly $lt?: Scalar
  readonly $lte?: Scalar
  readonly $exists?: boolean
}

/**
 * Which documents are meant: dotted paths with a value or {@link FilterOperators}, and `$and`, `$or`
 * with filters; all members must hold, `{}` means every document.
 *
 * - Equality with null means null **or absent**; equality on an array means that it contains the value.
 * - `$ne` and `$nin` are the exact negation of `$eq` and `$in`.
 * - Ranges compare values of one type only, and never null.
 * - Instants are given as ISO 8601 text in any zone.
 */
export interface Filter {
  readonly $and?: readonly Filter[]
  readonly $or?: readonly Filter[]
  readonly [path: string]: Scalar | FilterOperators | readonly Filter[]
}

/** How a range compares. */
export type RangeOperator = 'gt' | 'gte' | 'lt' | 'lte'

/** One node of a {@link ParsedFilter}, as drivers compile it. Values have the type of their path. */
export type Condition =
  | { readonly op: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly op: 'in' | 'nin'; readonly path: Path; readonly values: readonly Scalar[] }
  | { readonly op: RangeOperator; readonly path: Path; readonly value: string | number | boolean }
  | { readonly op: 'exists'; readonly path: Path; readonly exists: boolean }

const maxDepth = 8
const maxConditions = 100
const maxValues = 10_000
/** Characters of all values together: well below what a database takes in one query. */
const maxText = 1_000_000

/** A filter that has been checked against a collection, so that a driver can rely on every path and value. */
export class ParsedFilter {
  /** The name of the collection it was checked against. */
  readonly collection: string
  /** Top-level conditions; all must hold, none means every document. */
  readonly conditions: readonly Condition[]

  /** @internal */
  constructor(collection: string, conditions: readonly Condition[]) {
    this.collection = collection
    this.conditions = conditions
  }
}

/**
 * Checks a filter from anywhere, also from outside. At most 8 levels, 100 conditions, 10,000 values in one list
 * and 1,000,000 characters in all values. What has been parsed already is returned as it is.
 *
 * @throws {@link MindtraceError} `QUERY_NOT_SUPPORTED` with `path` or `operator` and `reason` in its
 *   details, for whatever is not in the grammar of {@link Filter} or does not fit the schema.
 */
export function parseFilter(collection: Collection, filter: unknown): ParsedFilter {
  if (filter instanceof ParsedFilter) {
    if (filter.collection === collection.name) return filter
    throw unsupported('filter', filter.collection, `was parsed for another collection`)
  }
  return new ParsedFilter(collection.name, new Parser(collection).members(filter, 1))
}

class Parser {
  readonly #collection: Collection
  #count = 0
  #text = 0

  constructor(collection: Collection) {
    this.#collection = collection
  }

  members(filter: unknown, depth: number): Condition[] {
    if (!isPlainObject(filter)) {
      throw unsupported(
        'path',
        '',
        `a filter is an object of paths and conditions, not ${nameOf(filter)}`,
      )
    }
    if (depth > maxDepth) {
      throw unsupported('operator', '$and', `filters are nested at most ${maxDepth} deep`)
    }
    const conditions: Condition[] = []
    for (const member of Object.keys(filter)) {
      const value = filter[member]
      if (member === '$and' || member === '$or')
        conditions.push(this.#logical(member, value, depth))
      else if (member.startsWith('$')) throw unsupported('operator', member, 'is not supported')
      else this.#comparisons(this.#collection.path(member), value, conditions)
    }
    return conditions
  }

  #logical(operator: '$and' | '$or', filters: unknown, depth: number): Condition {
    if (!Array.isArray(filters) || filters.length === 0) {
      throw unsupported('operator', operator, 'takes a list of at least one filter')
    }
    const of = filters.map((filter): Condition => {
      this.#countOne()
      const members = this.members(filter, depth + 1)
      return members.length === 1 ? (members[0] as Condition) : { op: 'and', of: members }
    })
    return { op: operator === '$and' ? 'and' : 'or', of }
  }

  #comparisons(path: Path, value: unknown, into: Condition[]): void {
    if (!isPlainObject(value)) {
      this.#countOne()
      into.push(this.#bounded(comparison(path, '$eq', value), path))
      return
    }
    const operators = Object.keys(value)
    if (operators.length === 0)
      throw unsupported('path', path.text, 'cannot be compared with an object')
    for (const operator of operators) {
      this.#countOne()
      into.push(this.#bounded(comparison(path, operator, value[operator]), path))
    }
  }

  #bounded(condition: Condition, path: Path): Condition {
    const values =
      'values' in condition ? condition.values : 'value' in condition ? [condition.value] : []
    for (const value of values) if (typeof value === 'string') this.#text += value.length
    if (this.#text <= maxText) return condition
    const reason = `is compared with too much: the values of a filter have at most ${maxText} characters`
    throw unsupported('path', path.text, reason)
  }

  #countOne(): void {
    this.#count += 1
    if (this.#count > maxConditions) {
      throw unsupported('operator', '$and', `a filter has at most ${maxConditions} conditions`)
    }
  }
}

function comparison(path: Path, operator: string, value: unknown): Condition {
  switch (operator) {
    case '$eq':
      return { op: 'in', path, values: [scalarFor(path, value)] }
    case '$ne':
      return { op: 'nin', path, values: [scalarFor(path, value)] }
    case '$in':
      return { op: 'in', path, values: scalarsFor(path, operator, value) }
    case '$nin':
      return { op: 'nin', path, values: scalarsFor(path, operator, value) }
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return {
        op: operator.slice(1) as RangeOperator,
        path,
        value: boundFor(path, operator, value),
      }
    case '$exists':
      if (typeof value === 'boolean') return { op: 'exists', path, exists: value }
      throw unfit(path, operator, 'takes true or false')
    default:
      if (operator.startsWith('$')) throw unfit(path, operator, 'is not supported')
      throw unsupported('path', path.text, 'cannot be compared with an object')
  }
}

function scalarsFor(path: Path, operator: string, values: unknown): readonly Scalar[] {
  if (!Array.isArray(values)) throw unfit(path, operator, 'takes a list of values')
  if (values.length > maxValues) {
    throw unfit(path, operator, `takes at most ${maxValues} values, not ${values.length}`)
  }
  return values.map((value) => scalarFor(path, value))
}

function boundFor(path: Path, operator: string, value: unknown): string | number | boolean {
  if (path.kind === 'array' || path.kind === 'object') {
    throw unsupported('path', path.text, `is an ${path.kind}, which ${operator} cannot compare`)
  }
  const bound = scalarFor(path, value)
  if (bound === null) throw unfit(path, operator, 'cannot compare with null')
  return bound
}

/** A value with the type of its path. Only instants are converted; all else must fit as it is. */
export function scalarFor(path: Path, value: unknown): Scalar {
  if (value === null) return null
  const type = typeof value
  if (type === 'undefined') {
    throw unsupported(
      'path',
      path.text,
      'has the value undefined: leave the path out, or give null',
    )
  }
  if ((type !== 'string' && type !== 'number' && type !== 'boolean') || Number.isNaN(value)) {
    throw unsupported('path', path.text, `cannot be compared with ${nameOf(value)}`)
  }
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    throw unsupported('path', path.text, 'cannot be compared with an infinite number')
  }
  const kind: ElementKind = path.kind === 'array' ? (path.element ?? 'free') : path.kind
  if (kind === 'free') return value as Scalar
  if (kind === 'instant' && type === 'string') return instantFor(path, value as string)
  if (kind !== type) {
    throw unsupported('path', path.text, `is compared as ${kind}, which ${nameOf(value)} is not`)
  }
  return value as Scalar
}

function instantFor(path: Path, text: string): string {
  try {
    return parseInstant(text)
  } catch (cause) {
    const reason = `is an instant: '${text.slice(0, 64)}' is not ISO 8601`
    throw unsupported('path', path.text, reason, cause)
  }
}

function unsupported(
  what: 'path' | 'operator' | 'filter',
  name: string,
  reason: string,
  cause?: unknown,
): MindtraceError {
  const shown = name.slice(0, 200)
  const subject =
    what === 'operator'
      ? `Operator ${shown}`
      : what === 'path'
        ? `Path '${shown}'`
        : `Filter for '${shown}'`
  const text = name === '' ? reason : `${subject} ${reason}`
  const details = { [what]: shown, reason }
  return new MindtraceError(
    'QUERY_NOT_SUPPORTED',
    text,
    cause === undefined ? { details } : { cause, details },
  )
}

/** An operator that a path cannot be compared with so. */
function unfit(path: Path, operator: string, reason: string): MindtraceError {
  const shown = { operator: operator.slice(0, 200), path: path.text.slice(0, 200) }
  return new MindtraceError(
    'QUERY_NOT_SUPPORTED',
    `Path '${shown.path}': operator ${shown.operator} ${reason}`,
    { details: { ...shown, reason } },
  )
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'object'}`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return `'${value.slice(0, 64)}'`
  return `a ${typeof value}`
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
