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
export function jsonPath(path: Path): string {
  return `'$${path.segments.map((segment) => `."${segment.replaceAll("'", "''")}"`).join('')}'`
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
 * Conditions as SQL over a table's `doc`. The meaning is MongoDB's, with these limits: a path does not
 * reach through arrays, ranges do not look into arrays, and a free path that is indexed holds single values.
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
        const type = `json_type(doc, ${jsonPath(condition.path)})`
        return `${type} IS ${condition.exists ? 'NOT ' : ''}NULL`
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
    this.#bind(value)
    const text = `${this.#value(path)} ${operator} ?`
    if (path.kind !== 'free') return text
    // SQLite orders numbers before text; a range means values of its own type only.
    const types = jsonTypes[typeof value as keyof typeof jsonTypes]
    return `(${text} AND json_type(doc, ${jsonPath(path)}) IN ${types})`
  }

  #in(path: Path, values: readonly Scalar[]): string {
    const value = this.#value(path)
    const known = values.filter((one) => one !== null)
    const alternatives: string[] = []
    if (known.length < values.length) alternatives.push(`${value} IS NULL`)
    if (path.kind === 'array') alternatives.push(...this.#contains(path, values))
    else if (path.kind === 'free') alternatives.push(...this.#free(path, values))
    else if (known.length > 0) alternatives.push(this.#equals(value, known))
    return alternatives.length === 0 ? '0' : alternatives.join(' OR ')
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
    return this.#anyElement(path, path.element ?? 'free', values)
  }

  #free(path: Path, values: readonly Scalar[]): string[] {
    const known = values.filter((one) => one !== null)
    const type = `json_type(doc, ${jsonPath(path)})`
    const direct = this.#loosely(this.#value(path), type, known)
    if (this.#table.holdsSingleValues(path)) return direct
    const within = this.#anyElement(path, 'free', values)
    return [...direct, ...within.map((one) => `(${type} = 'array' AND ${one})`)]
  }

  #anyElement(path: Path, kind: ElementKind, values: readonly Scalar[]): string[] {
    const known = values.filter((one) => one !== null)
    const matches = isSingle(kind)
      ? known.length === 0
        ? []
        : [this.#equals('value', known)]
      : this.#loosely('value', 'type', known)
    if (known.length < values.length) matches.push(`type = 'null'`)
    if (matches.length === 0) return []
    return [
      `EXISTS (SELECT 1 FROM json_each(doc, ${jsonPath(path)}) WHERE ${matches.join(' OR ')})`,
    ]
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
