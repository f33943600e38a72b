import { MindtraceError } from '@mindtrace/core'
import type { Collection, Index, IndexField } from '../../collection.ts'
import type { Condition } from '../../filter.ts'
import type { SortField } from '../../page.ts'
import type { Path } from '../../paths.ts'
import { formOf, type Migration, migrate, migrations } from './migrations.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { brokenUniqueIndex } from './sqlite-errors.ts'
import { type IndexedPaths, jsonPath, namesKeys, valueText } from './sqlite-filter.ts'

/**
 * How a lake's records lie in a SQLite file:
 *
 *     "<collection>"          id INTEGER PRIMARY KEY (order of insertion), doc BLOB (JSONB)
 *     "<collection>.<index>"  an index on expressions doc ->> '$."path"'
 *     "<collection>.<path>"   for `each` indexes: a table (value, row) that three triggers keep
 *
 * `application_id` says that the file is ours, `user_version` which form it has, see `migrations.ts`.
 */
const applicationId = 0x4d_54_52_43 // "MTRC"

/** A thing in the file: a table, an index, a trigger. */
interface SchemaObject {
  readonly name: string
  readonly sql: string
}

/** What the driver knows of one collection's table. */
export class Table implements IndexedPaths {
  readonly collection: Collection
  readonly name: string
  readonly key: string
  readonly keyPath: string
  readonly #indexes: readonly Index[]
  readonly #each: ReadonlySet<string>
  readonly #single: ReadonlySet<string>

  constructor(collection: Collection) {
    this.collection = collection
    this.name = quoted(collection.name)
    this.keyPath = collection.key
    this.key = valueText(collection.path(collection.key))
    this.#indexes = collection.indexes.filter(({ only }) => only !== 'mongo')
    const paths = (each: boolean) =>
      this.#indexes.filter((index) => index.each === each).flatMap(({ fields }) => fields)
    this.#each = new Set(paths(true).map(({ path }) => path.text))
    this.#single = new Set(paths(false).map(({ path }) => path.text))
  }

  eachTable(path: Path): string | undefined {
    return this.#each.has(path.text) ? quoted(`${this.collection.name}.${path.text}`) : undefined
  }

  holdsSingleValues(path: Path): boolean {
    return this.#single.has(path.text)
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

  /** Everything that must exist in the file, in the order of creation. */
  objects(): readonly SchemaObject[] {
    const table: SchemaObject = {
      name: this.collection.name,
      sql: `CREATE TABLE ${this.name} (id INTEGER PRIMARY KEY, doc BLOB NOT NULL) STRICT`,
    }
    return [table, ...this.#indexes.flatMap((index) => this.#objectsOf(index))]
  }

  /** Fills the table of an `each` index that was created after its documents. */
  fillSql(objectName: string): string | undefined {
    const index = this.#indexes.find(
      ({ each, fields }) =>
        each && `${this.collection.name}.${fields[0]?.path.text}` === objectName,
    )
    const path = index?.fields[0]?.path
    return path === undefined
      ? undefined
      : `INSERT INTO ${quoted(objectName)} ${elementsOf(path, this.name)}`
  }

  #objectsOf(index: Index): readonly SchemaObject[] {
    const [first] = index.fields
    if (index.each && first !== undefined) return this.#sideTable(first.path)
    const terms = index.fields.map(
      ({ path, descending }) => `(${valueText(path)})${descending ? ' DESC' : ''}`,
    )
    const name = this.#physicalName(index)
    const create = index.unique ? 'CREATE UNIQUE INDEX' : 'CREATE INDEX'
    return [{ name, sql: `${create} ${quoted(name)} ON ${this.name} (${terms.join(', ')})` }]
  }

  #sideTable(path: Path): readonly SchemaObject[] {
    const name = `${this.collection.name}.${path.text}`
    const side = quoted(name)
    const changed = `old.doc -> ${jsonPath(path)} IS NOT new.doc -> ${jsonPath(path)}`
    const remove = `DELETE FROM ${side} WHERE row = old.id AND value IN (SELECT value FROM json_each(old.doc, ${jsonPath(path)}));`
    const add = `INSERT INTO ${side} ${elementsOf(path, undefined)};`
    const trigger = (event: string, when: string, body: string): SchemaObject => ({
      name: `${name}.${event}`,
      sql: `CREATE TRIGGER ${quoted(`${name}.${event}`)} AFTER ${event.toUpperCase()} ON ${this.name} ${when}BEGIN ${body} END`,
    })
    return [
      {
        name,
        sql: `CREATE TABLE ${side} (value ANY, row INTEGER, PRIMARY KEY (value, row)) STRICT, WITHOUT ROWID`,
      },
      trigger('insert', '', add),
      trigger('update', `WHEN ${changed} `, `${remove} ${add}`),
      trigger('delete', '', remove),
    ]
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

function elementsOf(path: Path, table: string | undefined): string {
  const [doc, id, from] =
    table === undefined ? ['new.doc', 'new.id', ''] : ['t.doc', 't.id', `${table} AS t, `]
  return `SELECT DISTINCT e.value, ${id} FROM ${from}json_each(${doc}, ${jsonPath(path)}) AS e WHERE e.type <> 'null'`
}

function quoted(name: string): string {
  return `"${name}"`
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
 * The statements that create what is missing of the tables, and create indexes anew that are declared
 * differently now. To be run in one unit.
 */
export function missingFrom(
  connection: SqliteConnection,
  tables: readonly Table[],
): readonly string[] {
  const existing = schemaOf(connection)
  const statements: string[] = []
  for (const table of tables) {
    for (const { name, sql } of table.objects()) {
      const present = existing.get(name)
      if (present === sql) continue
      if (present !== undefined) statements.push(dropOutdated(name, present))
      statements.push(sql)
      const fill = table.fillSql(name)
      if (fill !== undefined) statements.push(fill)
    }
  }
  return statements
}

function dropOutdated(name: string, sql: string): string {
  const kind = /^CREATE (?:UNIQUE )?(INDEX|TRIGGER)/.exec(sql)?.[1]
  if (kind !== undefined) return `DROP ${kind} ${quoted(name)}`
  throw new MindtraceError(
    'CORRUPT',
    `Table '${name}' has a form that no version of Mindtrace made: restore a backup`,
    { details: { table: name } },
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
