import type { Path } from '../../paths.ts'
import { jsonPath, valueText } from './sqlite-filter.ts'

/** A thing in the file: a table, an index, a trigger. */
export interface SchemaObject {
  readonly name: string
  readonly sql: string
}

/**
 * A table beside a collection's own that three triggers keep, whichever program writes to the file. All in it
 * follows from the collection, so it can be made anew at any time.
 */
export interface SideTable {
  /** As SQL spells it, in quotes. */
  readonly name: string
  /** The table and its triggers, in the order of creation. */
  readonly objects: readonly SchemaObject[]
  /** Fills it with what documents that are older than it give. */
  readonly fill: string
}

/** The elements of an array in each row: `(value, row)`, for an `each` index. */
export function elementsTable(collection: string, path: Path): SideTable {
  const name = `${collection}.${path.text}`
  const side = quoted(name)
  const at = jsonPath(path)
  const elements = (doc: string, id: string, from: string) =>
    `SELECT DISTINCT e.value, ${id} FROM ${from}json_each(${doc}, ${at}) AS e WHERE e.type <> 'null'`
  return sideTable({
    name,
    collection,
    columns: 'value ANY, row INTEGER, PRIMARY KEY (value, row)',
    add: `INSERT INTO ${side} ${elements('new.doc', 'new.id', '')};`,
    remove: `DELETE FROM ${side} WHERE row = old.id AND value IN (SELECT value FROM json_each(old.doc, ${at}));`,
    changed: `old.doc -> ${at} IS NOT new.doc -> ${at}`,
    fill: `INSERT INTO ${side} ${elements('t.doc', 't.id', `${quoted(collection)} AS t, `)}`,
  })
}

/**
 * How many rows have each value of each of these paths: `(path, value, n)`, where {@link noValue} stands for null. One
 * table for all paths, since every statement of a trigger costs about 2 µs a row.
 */
export function countsTable(collection: string, paths: readonly Path[]): SideTable {
  const name = `${collection}#`
  const side = quoted(name)
  const value = (of: 'old' | 'new', path: Path) => `ifnull(${of}.${valueText(path)}, ${noValue})`
  const added = paths.map((path) => `(${textOf(path)}, ${value('new', path)}, 1)`)
  // Not `(path, value) IN (VALUES …)`: that scans the table.
  const each = paths.map((path) => `path = ${textOf(path)} AND value = ${value('old', path)}`)
  const gone = `(${each.join(' OR ')})`
  const counted = paths.map(
    (path) =>
      `SELECT ${textOf(path)}, ifnull(${valueText(path)}, ${noValue}), count(*) FROM ${quoted(collection)} GROUP BY ${valueText(path)}`,
  )
  return sideTable({
    name,
    collection,
    columns: 'path TEXT, value ANY, n INTEGER NOT NULL, PRIMARY KEY (path, value)',
    add: `INSERT INTO ${side} VALUES ${added.join(', ')} ON CONFLICT (path, value) DO UPDATE SET n = n + 1;`,
    remove: `UPDATE ${side} SET n = n - 1 WHERE ${gone}; DELETE FROM ${side} WHERE n = 0 AND ${gone};`,
    changed: paths
      .map((path) => `old.${valueText(path)} IS NOT new.${valueText(path)}`)
      .join(' OR '),
    fill: `INSERT INTO ${side} ${counted.join(' UNION ALL ')}`,
  })
}

/** A value that no document has: JSON knows no bytes. */
export const noValue = `x''`

/** The text of a path in SQL. */
export function textOf({ text }: Path): string {
  return `'${text.replaceAll("'", "''")}'`
}

function sideTable(parts: {
  readonly name: string
  readonly collection: string
  readonly columns: string
  readonly add: string
  readonly remove: string
  readonly changed: string
  readonly fill: string
}): SideTable {
  const { name, columns, add, remove, changed, fill } = parts
  const trigger = (event: string, when: string, body: string): SchemaObject => ({
    name: `${name}.${event}`,
    sql: `CREATE TRIGGER ${quoted(`${name}.${event}`)} AFTER ${event.toUpperCase()} ON ${quoted(parts.collection)} ${when}BEGIN ${body} END`,
  })
  return {
    name: quoted(name),
    objects: [
      { name, sql: `CREATE TABLE ${quoted(name)} (${columns}) STRICT, WITHOUT ROWID` },
      trigger('insert', '', add),
      trigger('update', `WHEN ${changed} `, `${remove} ${add}`),
      trigger('delete', '', remove),
    ],
    fill,
  }
}

/** A name in SQL. Ours hold no quotes. */
export function quoted(name: string): string {
  return `"${name}"`
}
