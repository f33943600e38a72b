import type { Condition } from '../../filter.ts'
import type { SortField } from '../../page.ts'
import type { Path, Scalar } from '../../paths.ts'

/** A filter in MongoDB's own words. */
export type MongoFilter = Readonly<Record<string, unknown>>

/** A sort in MongoDB's own words; no order is that of insertion, which is that of `_id`. */
export function mongoSort(order: readonly SortField[]): Record<string, 1 | -1> {
  if (order.length === 0) return { _id: 1 }
  return Object.fromEntries(order.map(({ path, descending }) => [path.text, descending ? -1 : 1]))
}

/** Conditions in MongoDB's own words; all must hold. */
export function mongoFilter(conditions: readonly Condition[]): MongoFilter {
  return allOf(conditions.map(filterOf))
}

/** A filter that holds where all of them do. */
export function allOf(filters: readonly MongoFilter[]): MongoFilter {
  const [only, ...others] = filters.filter((filter) => Object.keys(filter).length > 0)
  if (only === undefined) return {}
  return others.length === 0 ? only : { $and: [only, ...others] }
}

/** A value as documents hold it there. */
export function mongoValue(path: Path, value: Scalar): unknown {
  const kind = path.kind === 'array' ? path.element : path.kind
  return kind === 'instant' && typeof value === 'string' ? new Date(value) : value
}

function filterOf(condition: Condition): MongoFilter {
  switch (condition.op) {
    case 'and':
      return condition.of.length === 0 ? {} : { $and: condition.of.map(filterOf) }
    case 'or':
      return { $or: condition.of.map(filterOf) }
    case 'in':
      return isMapValues(condition.path)
        ? mapHolds(condition.path, condition.values)
        : equals(condition.path, '$eq', '$in', condition.values)
    case 'nin':
      return isMapValues(condition.path)
        ? { $nor: [mapHolds(condition.path, condition.values)] }
        : equals(condition.path, '$ne', '$nin', condition.values)
    case 'exists':
      return { [condition.path.text]: { $exists: condition.exists } }
    default: {
      const { op, path, value } = condition
      return { [path.text]: { [`$${op}`]: mongoValue(path, value) } }
    }
  }
}

function equals(path: Path, one: string, many: string, values: readonly Scalar[]): MongoFilter {
  const wanted = values.map((value) => mongoValue(path, value))
  return { [path.text]: wanted.length === 1 ? { [one]: wanted[0] } : { [many]: wanted } }
}

function isMapValues(path: Path): boolean {
  return path.kind === 'array' && path.text.endsWith('.*')
}

/** No index serves the values of a map whose keys are unknown: this reads every document in question. */
function mapHolds(path: Path, values: readonly Scalar[]): MongoFilter {
  const map = path.segments.join('.')
  const known = values.filter((value) => value !== null)
  const field = `$${map}`
  const held = {
    $cond: [
      { $eq: [{ $type: field }, 'object'] },
      { $map: { input: { $objectToArray: field }, in: '$$this.v' } },
      [],
    ],
  }
  const common = { $setIntersection: [held, { $literal: known }] }
  const holds = { $expr: { $gt: [{ $size: common }, 0] } }
  return known.length === values.length ? holds : { $or: [holds, { [map]: null }] }
}
