import { MindtraceError } from '@mindtrace/core'
import type { Collection, Index, IndexField } from '../../collection.ts'
import type { Condition } from '../../filter.ts'
import type { SortField } from '../../page.ts'
import type { Path } from '../../paths.ts'
import { formOf, type Migration, migrate, migrations } from './migrations.ts'
import {
  countsTable,
  elementsTable,
  noValue,
  quoted,
  type SchemaObject,
  type SideTable,
  textOf,
} from './side-tables.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { brokenUniqueIndex } from './sqlite-errors.ts'
import { type IndexedPaths, namesKeys, type SqlCondition, valueText } from './sqlite-filter.ts'

/**
 * How a lake's records lie in a SQLite file:
 *
 *     "<collection>"          id INTEGER PRIMARY KEY (order of insertion), doc BLOB (JSONB)
 *     "<collection>.<index>"  an index on expressions doc ->> '$."path"'
 *     "<collection>.<path>"   for `each` indexes: a table (value, row) that three triggers keep
 *     "<collection>#"         for counted paths: a table (path, value, n) kept likewise, see `side-tables.ts`
 *
 * `application_id` says that the file is ours, `user_version` which form it has, see `migrations.ts`.
 */
const applicationId = 0x4d_54_52_43 // "MTRC"

/** What the driver knows of one collection's table. */
export class Table implements IndexedPaths {
  readonly collection: Collection
  readonly name: string
  readonly key: string
  readonly keyPath: string
  readonly #indexes: readonly Index[]
  /** By path. */
  readonly #elements: ReadonlyMap<string, SideTable>
  readonly #counts: SideTable | undefined
  readonly #single: ReadonlySet<string>

  constructor(collection: Collection) {
    this.collection = collection
    this.name = quoted(collection.name)
    this.keyPath = collection.key
    this.key = valueText(collection.path(collection.key))
    this.#indexes = collection.indexes.filter(({ only }) => only !== 'mongo')
    const paths = (each: boolean) =>
      this.#indexes
        .filter((index) => index.each === each)
        .flatMap(({ fields }) => fields.map(({ path }) => path))
    this.#elements = new Map(
      paths(true).map((path) => [path.text, elementsTable(collection.name, path)]),
    )
    const { counted } = collection
    this.#counts = counted.length === 0 ? undefined : countsTable(collection.name, counted)
    this.#single = new Set(paths(false).map(({ text }) => text))
  }

  eachTable(path: Path): string | undefined {
    return this.#elements.get(path.text)?.name
  }

  holdsSingleValues(path: Path): boolean {
    return this.#single.has(path.text)
  }

  /**
   * What gives the kept counts of a path, as `value` and `n`. No row at all says that there is no document, or that
   * another version of the driver, which counts other paths, has made the table anew since.
   */
  keptCounts(path: Path): string | undefined {
    const from = this.#keptFrom(path)
    return from && `SELECT nullif(value, ${noValue}) AS value, n FROM ${from}`
  }

  /**
   * What adds up kept counts, as `n`, where these tell how many documents fulfil the conditions: all documents, or those
   * with some values of one counted path. It gives null where {@link Table.keptCounts} gives no row.
   */
  keptCount(conditions: readonly Condition[]): SqlCondition | undefined {
    const [only, ...others] = conditions
    const [first] = this.collection.counted
    if (only === undefined) {
      const from = first && this.#keptFrom(first)
      return from === undefined
        ? undefined
        : { text: `SELECT sum(n) AS n FROM ${from}`, values: [] }
    }
    if (others.length > 0 || only.op !== 'in') return undefined
    const from = this.#keptFrom(only.path)
    if (from === undefined) return undefined
    const orNone = only.values.includes(null) ? ` OR value = ${noValue}` : ''
    const wanted = `(value IN (SELECT value FROM json_each(?))${orNone})`
    return {
      text: `SELECT iif(EXISTS (SELECT 1 FROM ${from}), (SELECT total(n) FROM ${from} AND ${wanted}), NULL) AS n`,
      values: [JSON.stringify(only.values.filter((value) => value !== null))],
    }
  }

  #keptFrom(path: Path): string | undefined {
    const counts = this.collection.counted.some(({ text }) => text === path.text) && this.#counts
    return counts ? `${counts.name} WHERE path = ${textOf(path)}` : undefined
  }

  /**
   * Whether one index leads straight to what the conditions mean, in that order, so that reading the first few
   * reads no more than those: equalities on its first fields, ranges on the next one only, and the order is that
   * of the fields that follow. Without an order (`undefined`) any will do; an empty one is the order of insertion.
   */
  seeks(conditions: readonly Condition[], order: readonly SortField[] | undefined): boolean {
    if (conditions.length === 0 && (order === undefined || order.length === 0)) return true
    const fixed = new Set<string>()
    const bounded = new Set<string>()
    for (const condition of conditions) {
      if (!('path' in condition) || isLoose(condition.path)) return false
      if (condition.op === 'in' && condition.values.length === 1) fixed.add(condition.path.text)
      else if (isBound(condition)) bounded.add(condition.path.text)
      else return false
    }
    return this.#indexes.some(({ fields, each }) => {
      const [first, rest] = [fields.slice(0, fixed.size), fields.slice(fixed.size)]
      if (each || !first.every(({ path }) => fixed.has(path.text))) return false
      if (first.length < fixed.size) return false
      if ([...bounded].some((path) => path !== rest[0]?.path.text)) return false
      if (order === undefined) return true
      if (order.length === 0) return rest.length === 0
      return isPrefix(order, rest)
    })
  }

  /**
   * The table for a statement that needs nothing but one value of each document that fulfils the conditions: where an
   * index holds all of it, that index is read in their place. The planner by itself prefers the documents, whose size
   * it does not know; where conditions lead to a part of them it is left alone.
   */
  readFor(value: Path, conditions: readonly Condition[]): string {
    const leads =
      conditions.length > 0 &&
      (conditions.some((one) => namesKeys(this, one)) || this.seeks(conditions, undefined))
    if (leads) return this.name
    const paths = [value]
    for (const condition of conditions) {
      if (!('path' in condition) || condition.op === 'exists') return this.name
      paths.push(condition.path)
    }
    const holding = this.#indexes
      .filter(({ each, fields }) => !each && paths.every((path) => isAmong(path, fields)))
      .toSorted((a, b) => a.fields.length - b.fields.length)
    const [narrowest] = paths.some(isLoose) ? [] : holding
    if (narrowest === undefined) return this.name
    return `${this.name} INDEXED BY ${quoted(this.#physicalName(narrowest))}`
  }

  /** The index that SQLite calls by that name. */
  index(physicalName: string): Index | undefined {
    return this.#indexes.find((index) => this.#physicalName(index) === physicalName)
  }

  /** The table and its indexes, in the order of creation. */
  objects(): readonly SchemaObject[] {
    const table: SchemaObject = {
      name: this.collection.name,
      sql: `CREATE TABLE ${this.name} (id INTEGER PRIMARY KEY, doc BLOB NOT NULL) STRICT`,
    }
    const indexes = this.#indexes.filter(({ each }) => !each)
    return [table, ...indexes.map((index) => this.#objectOf(index))]
  }

  /** The tables beside it. */
  sides(): readonly SideTable[] {
    return [...this.#elements.values(), ...(this.#counts === undefined ? [] : [this.#counts])]
  }

  #objectOf(index: Index): SchemaObject {
    const terms = index.fields.map(
      ({ path, descending }) => `(${valueText(path)})${descending ? ' DESC' : ''}`,
    )
    const name = this.#physicalName(index)
    const create = index.unique ? 'CREATE UNIQUE INDEX' : 'CREATE INDEX'
    return { name, sql: `${create} ${quoted(name)} ON ${this.name} (${terms.join(', ')})` }
  }

  /** Names are unique in a whole file, while collections may name their indexes alike. */
  #physicalName({ name }: Index): string {
    const prefix = `${this.collection.name}.`
    return name.startsWith(prefix) ? name : prefix + name
  }
}

function isLoose({ kind }: Path): boolean {
  return kind === 'array' || kind === 'object' || kind === 'free'
}

function isAmong(path: Path, fields: readonly IndexField[]): boolean {
  return fields.some((field) => field.path.text === path.text)
}

function isBound(condition: Condition): boolean {
  return ['gt', 'gte', 'lt', 'lte'].includes(condition.op)
}

/** Whether an index of these fields gives that order, forwards or backwards. */
function isPrefix(order: readonly SortField[], fields: readonly SortField[]): boolean {
  const backwards = order[0]?.descending !== fields[0]?.descending
  return order.every(({ path, descending }, at) => {
    const field = fields[at]
    return field?.path.text === path.text && descending !== (field.descending === backwards)
  })
}

/**
 * Checks whose file it is, makes a new one ours, and brings one of an older version to today's form.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for another program's file, `NOT_IMPLEMENTED` for one that a
 *   newer version wrote.
 */
export function claimFile(
  connection: SqliteConnection,
  path: string,
  steps: readonly Migration[] = migrations,
): void {
  const owner = connection.pragma('application_id')
  const form = formOf(connection)
  if (owner === applicationId && form === steps.length) return
  if (owner !== applicationId && (owner !== 0 || form !== 0 || schemaOf(connection).size > 0)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${path}' is a SQLite database of another program: choose another path`,
      { details: { path } },
    )
  }
  connection.unit(() => {
    connection.exec(`PRAGMA application_id = ${applicationId}`)
    migrate(connection, path, steps)
  })
}

/**
 * The statements that create what is missing of the tables, and make indexes and side tables anew that are declared
 * differently now. To be run in one unit.
 */
export function missingFrom(
  connection: SqliteConnection,
  tables: readonly Table[],
): readonly string[] {
  const existing = schemaOf(connection)
  const statements: string[] = []
  const isThere = ({ name, sql }: SchemaObject) => existing.get(name) === sql
  const drop = ({ name }: SchemaObject) => {
    const kind = kindOf(existing.get(name))
    return kind === undefined ? [] : [`DROP ${kind} ${quoted(name)}`]
  }
  for (const table of tables) {
    for (const object of table.objects()) {
      if (isThere(object)) continue
      // What holds documents, or another's, is not dropped.
      if (kindOf(existing.get(object.name)) === 'TABLE') throw foreignForm(object.name)
      statements.push(...drop(object), object.sql)
    }
    for (const { objects, fill } of table.sides()) {
      if (objects.every(isThere)) continue
      statements.push(...objects.flatMap(drop), ...objects.map(({ sql }) => sql), fill)
    }
  }
  return statements
}

function kindOf(sql = ''): string | undefined {
  return /^CREATE (?:UNIQUE )?(INDEX|TRIGGER|TABLE)/.exec(sql)?.[1]
}

function foreignForm(table: string): MindtraceError {
  return new MindtraceError(
    'CORRUPT',
    `Table '${table}' has a form that no version of Mindtrace made: restore a backup`,
    { details: { table } },
  )
}

/**
 * The statements that empty the file: they delete every table, and make it anew with all that belongs to it.
 * To be run in one unit.
 */
export function recreation(connection: SqliteConnection): readonly string[] {
  const objects = connection
    .prepare(
      `SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY type <> 'table', rowid`,
    )
    .all()
  const tables = objects.filter(({ type }) => type === 'table')
  return [
    ...tables.map(({ name }) => `DROP TABLE ${quoted(String(name))}`),
    ...objects.map(({ sql }) => String(sql)),
  ]
}

function schemaOf(connection: SqliteConnection): ReadonlyMap<string, string> {
  const rows = connection.prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL').all()
  return new Map(rows.map(({ name, sql }) => [String(name), String(sql)]))
}

/** CONFLICT where stored documents break a unique index that was to be created; else the error itself. */
export function unbuildable(tables: readonly Table[], error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined
  const name = brokenUniqueIndex(cause)
  if (name === undefined) return error
  const table = tables.find((one) => one.index(name) !== undefined)
  const collection = table?.collection.name
  return new MindtraceError(
    'CONFLICT',
    `Unique index '${name}' of '${collection}' cannot be built: stored documents repeat a value. Delete or change them`,
    { cause, details: { collection, on: table?.index(name)?.name ?? name } },
  )
}
