import type { SQLInputValue } from 'node:sqlite'
import type { Condition } from '../../filter.ts'
import type { SortField } from '../../page.ts'
import type { ElementKind, Path, Scalar } from '../../paths.ts'

/** A condition in SQL. */
export interface SqlCondition {
  readonly text: string
  readonly values: readonly SQLInputValue[]
}

/** What the indexes of a table say of its arrays and free paths. */
export interface IndexedPaths {
  /** The path of the key. */
  readonly keyPath: string
  /** The table that lists the elements of an array, or undefined where it is not indexed. */
  eachTable(path: Path): string | undefined
  /** Whether an index says that a free path holds single values, not lists. */
  holdsSingleValues(path: Path): boolean
}

const rangeOperators = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** The JSON types, as SQLite names them, among which a value of a JavaScript type may be. */
const jsonTypes = {
  string: `('text')`,
  number: `('integer','real')`,
  boolean: `('true','false')`,
} as const

/** A JSON path of quoted segments. Segments hold no quotes, see `paths.ts`; the apostrophe is doubled. */
export function jsonPath({ segments }: Pick<Path, 'segments'>): string {
  return `'$${segments.map((segment) => `."${segment.replaceAll("'", "''")}"`).join('')}'`
}

/** The value at a path, as filters, sorts and indexes must spell it alike. */
export function valueText(path: Path): string {
  return `doc ->> ${jsonPath(path)}`
}

/** ORDER BY for a sort; no sort is the order of insertion. */
export function orderBy(order: readonly SortField[]): string {
  if (order.length === 0) return 'ORDER BY id'
  const terms = order.map(
    ({ path, descending }) => `${valueText(path)}${descending ? ' DESC' : ''}`,
  )
  return `ORDER BY ${terms.join(', ')}`
}

/**
 * Conditions as SQL over a table's `doc`. The meaning is MongoDB's, with these limits: a free path that is indexed
 * holds single values and leads through no array, and a number in a path is a name, not a place in an array.
 */
export function compileConditions(
  table: IndexedPaths,
  conditions: readonly Condition[],
): SqlCondition {
  const compiler = new Compiler(
    table,
    conditions.some((one) => namesKeys(table, one)),
  )
  return { text: compiler.all(conditions), values: compiler.values }
}

/** Where a value of any kind is: in a document, or in an object that lies in one of its arrays. */
interface Place {
  readonly doc: string
  /** A JSON path. */
  readonly at: string
}

class Compiler {
  readonly values: SQLInputValue[] = []
  readonly #table: IndexedPaths
  readonly #byKey: boolean

  constructor(table: IndexedPaths, byKey: boolean) {
    this.#table = table
    this.#byKey = byKey
  }

  all(conditions: readonly Condition[]): string {
    return conditions.length === 0 ? '1' : conditions.map((one) => this.#one(one)).join(' AND ')
  }

  #one(condition: Condition): string {
    switch (condition.op) {
      case 'and':
        return `(${this.all(condition.of)})`
      case 'or':
        return `(${condition.of.map((one) => this.#one(one)).join(' OR ')})`
      case 'in':
        return `(${this.#in(condition.path, condition.values)})`
      case 'nin':
        return this.#notIn(condition.path, condition.values)
      case 'exists': {
        const exists = this.#reached(condition.path, (place) => `${typeAt(place)} IS NOT NULL`)
        return condition.exists ? exists : `(${exists}) IS NOT TRUE`
      }
      default:
        return this.#range(condition.path, rangeOperators[condition.op], condition.value)
    }
  }

  /** The value at a path. Beside keys no other index is to be thought of: `+` says so to the planner. */
  #value(path: Path): string {
    const value = `(${valueText(path)})`
    return this.#byKey && path.text !== this.#table.keyPath ? `(+${value})` : value
  }

  #notIn(path: Path, values: readonly Scalar[]): string {
    if (values.length === 1 && values[0] === null && isSingle(path.kind)) {
      return `${this.#value(path)} IS NOT NULL`
    }
    return `(${this.#in(path, values)}) IS NOT TRUE`
  }

  #range(path: Path, operator: string, value: string | number | boolean): string {
    if (path.kind !== 'free') {
      this.#bind(value)
      return `${this.#value(path)} ${operator} ?`
    }
    // SQLite orders numbers before text; a range means values of its own type only.
    const types = jsonTypes[typeof value as keyof typeof jsonTypes]
    const within = (found: string, type: string) => {
      this.#bind(value)
      return `${found} ${operator} ? AND ${type} IN ${types}`
    }
    return this.#reached(path, (place) => {
      const direct = `(${within(this.#valueAt(path, place), typeAt(place))})`
      if (this.#table.holdsSingleValues(path)) return direct
      return `(${direct} OR ${typeAt(place)} = 'array' AND ${elementOf(place, within('value', 'type'))})`
    })
  }

  #in(path: Path, values: readonly Scalar[]): string {
    if (path.kind === 'free') {
      return this.#reached(path, (place) => this.#free(path, place, values).join(' OR ') || '0')
    }
    const value = this.#value(path)
    const known = values.filter((one) => one !== null)
    const alternatives: string[] = []
    if (known.length < values.length) alternatives.push(`${value} IS NULL`)
    if (path.kind === 'array') alternatives.push(...this.#contains(path, values))
    else if (known.length > 0) alternatives.push(this.#equals(value, known))
    return alternatives.length === 0 ? '0' : alternatives.join(' OR ')
  }

  /** Holds for a value of any kind, or for one that is found in objects of the arrays above it. */
  #reached(path: Path, holds: (place: Place) => string): string {
    const whole: Place = { doc: 'doc', at: jsonPath(path) }
    const { segments, declared } = path
    const above = segments.map((_, index) => index).slice(Math.max(1, declared))
    if (above.length === 0 || this.#table.holdsSingleValues(path)) return holds(whole)
    const throughArray = above
      .map((end) => typeAt({ doc: 'doc', at: jsonPath({ segments: segments.slice(0, end) }) }))
      .map((type) => `${type} = 'array'`)
    const inObjects = holds({ doc: 'walk.at', at: jsonPath({ segments: segments.slice(-1) }) })
    return `(CASE WHEN ${throughArray.join(' OR ')} THEN EXISTS (${walkTo(segments)} AND (${inObjects})) ELSE (${holds(whole)}) END)`
  }

  #valueAt(path: Path, place: Place): string {
    return place.doc === 'doc' ? this.#value(path) : `(${place.doc} ->> ${place.at})`
  }

  #contains(path: Path, values: readonly Scalar[]): string[] {
    const known = values.filter((one) => one !== null)
    const side = this.#table.eachTable(path)
    if (side !== undefined) {
      return known.length === 0
        ? []
        : [
            `${this.#byKey ? '+' : ''}id IN (SELECT row FROM ${side} WHERE ${this.#equals('value', known)})`,
          ]
    }
    const place = { doc: 'doc', at: jsonPath(path) }
    return this.#anyElement(place, path.element ?? 'free', values)
  }

  #free(path: Path, place: Place, values: readonly Scalar[]): string[] {
    const known = values.filter((one) => one !== null)
    const value = this.#valueAt(path, place)
    const none = known.length < values.length ? [`${value} IS NULL`] : []
    const direct = this.#loosely(value, typeAt(place), known)
    if (this.#table.holdsSingleValues(path)) return [...none, ...direct]
    const within = this.#anyElement(place, 'free', values)
    return [...none, ...direct, ...within.map((one) => `(${typeAt(place)} = 'array' AND ${one})`)]
  }

  #anyElement(place: Place, kind: ElementKind, values: readonly Scalar[]): string[] {
    const known = values.filter((one) => one !== null)
    const matches = isSingle(kind)
      ? known.length === 0
        ? []
        : [this.#equals('value', known)]
      : this.#loosely('value', 'type', known)
    if (known.length < values.length) matches.push(`type = 'null'`)
    return matches.length === 0 ? [] : [elementOf(place, matches.join(' OR '))]
  }

  /** Equality where the stored value may have any type: SQLite sees true as 1 and a list as its text. */
  #loosely(value: string, type: string, wanted: readonly Scalar[]): string[] {
    return (['string', 'number', 'boolean'] as const).flatMap((kind) => {
      const alike = wanted.filter((one) => typeof one === kind)
      if (alike.length === 0) return []
      const equals = this.#equals(value, alike)
      return [alike.some(isAmbiguous) ? `(${equals} AND ${type} IN ${jsonTypes[kind]})` : equals]
    })
  }

  #equals(value: string, wanted: readonly Scalar[]): string {
    const [only] = wanted
    if (wanted.length === 1 && only !== undefined && only !== null) {
      this.#bind(only)
      return `${value} = ?`
    }
    // One bound list whatever its length, so that one prepared statement serves all lengths.
    this.values.push(JSON.stringify(wanted))
    return `${value} IN (SELECT value FROM json_each(?))`
  }

  #bind(value: string | number | boolean): void {
    this.values.push(typeof value === 'boolean' ? Number(value) : value)
  }
}

function typeAt({ doc, at }: Place): string {
  return `json_type(${doc}, ${at})`
}

/** Whether one of the elements of an array, which are `value` and `type`, is such. */
function elementOf({ doc, at }: Place, condition: string): string {
  return `EXISTS (SELECT 1 FROM json_each(${doc}, ${at}) WHERE ${condition})`
}

/**
 * The objects in which the last segment of a path is to be looked for, as `walk.at`: MongoDB goes on in each object of
 * an array, not in what else lies there. Where a value is neither, nothing can be below it: an empty object.
 */
function walkTo(segments: readonly string[]): string {
  const last = segments.length - 1
  const steps = segments
    .slice(0, last)
    .map((segment, level) => `WHEN ${level} THEN ${jsonPath({ segments: [segment] })}`)
  const at = `CASE level ${steps.join(' ')} END`
  const type = `json_type(at, ${at})`
  const next = `CASE ${type} WHEN 'array' THEN at -> ${at} WHEN 'object' THEN json_array(at -> ${at}) ELSE '[{}]' END`
  return (
    'WITH RECURSIVE walk(level, at) AS (SELECT 0, doc UNION ALL' +
    ` SELECT iif(${type} IN ('array', 'object'), level + 1, ${last}), e.value` +
    ` FROM walk, json_each(${next}) AS e WHERE level < ${last} AND e.type = 'object')` +
    ` SELECT 1 FROM walk WHERE level = ${last}`
  )
}

/** Whether a condition is true of no more documents than it names keys. */
export function namesKeys({ keyPath }: IndexedPaths, condition: Condition): boolean {
  return condition.op === 'in' && condition.path.text === keyPath
}

function isSingle(kind: Path['kind']): boolean {
  return kind !== 'array' && kind !== 'object' && kind !== 'free'
}

function isAmbiguous(value: Scalar): boolean {
  if (typeof value === 'string') return value.startsWith('[') || value.startsWith('{')
  return typeof value === 'boolean' || value === 0 || value === 1
}
