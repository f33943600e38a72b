import { setImmediate as nextTick } from 'node:timers/promises'
import type { CallOptions, MindtraceError } from '@mindtrace/core'
import { type Change, parseChange } from '../../change.ts'
import { type Collection, maxDocumentBytes, type Stored } from '../../collection.ts'
import type { Condition } from '../../filter.ts'
import { objectIdOf } from '../../object-id.ts'
import {
  type FindPlan,
  keysetOfFields,
  openOrder,
  parseSort,
  planFind,
  type Sort,
  unimplied,
} from '../../page.ts'
import type { Path, Scalar } from '../../paths.ts'
import type {
  Duplicate,
  FilterInput,
  FindOptions,
  ReadOptions,
  Repository,
  StreamOptions,
} from '../../repository.ts'
import {
  checkedLimit,
  conflict,
  countable,
  duplicate,
  notFound,
  summable,
  tooLarge,
} from '../../repository-errors.ts'
import { applyChange } from './apply-change.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { brokenUniqueIndex } from './sqlite-errors.ts'
import {
  compileConditions,
  jsonPath,
  orderBy,
  type SqlCondition,
  valueText,
} from './sqlite-filter.ts'
import type { Table } from './sqlite-schema.ts'
import type { Row } from './sqlite-thread.ts'

/** The way to the connections: through the queue, or within a transaction. Work is synchronous. */
export interface SqliteAccess {
  /** Whether the file is so large that a statement which reads much of it must not hold the event loop. */
  isLarge(options?: CallOptions): Promise<boolean>
  /** Runs work that reads little. */
  read<R>(work: (connection: SqliteConnection) => R, options?: CallOptions): Promise<R>
  /** The rows, a few, of one statement that may read much. */
  scan(sql: string, values: SqlCondition['values'], options?: CallOptions): Promise<Row[]>
  /** The column `id` of any number of rows that one statement gives. */
  scanIds(sql: string, values: SqlCondition['values'], options?: CallOptions): Promise<Float64Array>
  /** Runs one statement that writes where much may have to be read first. */
  change(sql: string, values: SqlCondition['values'], options?: CallOptions): Promise<Changed>
  /** Runs work that writes little, all or nothing. */
  write<R>(work: (connection: SqliteConnection) => R, options?: CallOptions): Promise<R>
  /** Runs work that writes much, all or nothing. It yields wherever others may have the event loop. */
  writeInSteps<R>(
    work: (connection: SqliteConnection) => Generator<void, R>,
    options?: CallOptions,
  ): Promise<R>
}

/** What one statement changed. */
export interface Changed {
  readonly rows: number
  /** How long it took, without the wait for its turn. */
  readonly tookMs: number
}

/** What to select, and how a row of it becomes a document. */
interface Selection<T> {
  readonly columns: string
  document<F extends keyof T>(row: Row): Stored<Pick<T, F>>
}

/** A document that is ready to be written. */
interface Prepared<T> {
  readonly document: T
  readonly key: string
  readonly json: string
}

const groupSize = 500
const defaultBatchSize = 500

/** So many documents are read and parsed at once where more are asked for. */
const maxAtOnce = 500

/** Documents checked at once. */
const checkedAtOnce = 200

/** Rows are deleted in groups that take about so long. */
const deleteMs = 10

/** Documents of one table. See `sqlite-schema.ts` for how they lie there. */
export class SqliteRepository<T extends object, I> implements Repository<T, I> {
  readonly #collection: Collection<T, I>
  readonly #table: Table
  readonly #access: SqliteAccess
  readonly #whole: Selection<T>
  /** Made once: a statement is found by its text, and a new text has to be hashed. */
  readonly #getSql: string

  constructor(collection: Collection<T, I>, table: Table, access: SqliteAccess) {
    this.#collection = collection
    this.#table = table
    this.#access = access
    this.#whole = {
      columns: 'json(doc) AS doc',
      document: <F extends keyof T>(row: Row) =>
        collection.restore(JSON.parse(row.doc as string)) as Stored<Pick<T, F>>,
    }
    this.#getSql = this.#sqlOfOne(this.#whole)
  }

  async insert(input: I, options?: CallOptions): Promise<Stored<T>> {
    const prepared = this.#prepare(input)
    return this.#access.write((connection) => {
      try {
        connection.prepare(this.#insertSql).run(prepared.json)
      } catch (error) {
        throw this.#duplicate(connection, prepared, error) ?? error
      }
      return stored(prepared)
    }, options)
  }

  async insertMany(inputs: readonly I[], options?: CallOptions) {
    const inserted: Stored<T>[] = []
    const duplicates: Duplicate[] = []
    for await (const { group, from } of this.#groups(inputs)) {
      const failures = await this.#access.writeInSteps(
        (connection) => this.#insertGroup(connection, group),
        options,
      )
      for (const [at, prepared] of group.entries()) {
        const failure = failures.get(at)
        if (failure === undefined) inserted.push(stored(prepared))
        else duplicates.push(duplicateAt(from + at, failure))
      }
    }
    return { inserted, duplicates }
  }

  async upsertMany(inputs: readonly I[], options?: CallOptions) {
    let created = 0
    for await (const { group } of this.#groups(inputs)) {
      created += await this.#access.writeInSteps(
        (connection) => this.#upsertGroup(connection, group),
        options,
      )
    }
    return { created, updated: inputs.length - created }
  }

  async get<F extends keyof T = keyof T>(key: string, options: ReadOptions<F> = {}) {
    const found = await this.#getOne(key, options)
    if (found === undefined) throw notFound(this.#collection, key)
    return found
  }

  async getMany<F extends keyof T = keyof T>(
    keys: readonly string[],
    options: ReadOptions<F> = {},
  ) {
    const found = new Map<string, Stored<Pick<T, F>>>()
    const distinct = [...new Set(keys)]
    const [only, ...others] = distinct
    if (only !== undefined && others.length === 0) {
      // A third of the time that a list of one takes.
      const document = await this.#getOne(only, options)
      return document === undefined ? found : found.set(only, document)
    }
    const select = this.#selection(options.fields)
    const sql = `SELECT ${select.columns} FROM ${this.#table.name} WHERE (${this.#table.key}) IN (SELECT value FROM json_each(?))`
    for (let from = 0; from < distinct.length; from += groupSize) {
      if (from > 0) await nextTick()
      const group = JSON.stringify(distinct.slice(from, from + groupSize))
      const rows = await this.#access.read(
        (connection) => connection.prepare(sql).all(group),
        options,
      )
      for (const row of rows) {
        const document = select.document<F>(row)
        found.set(this.#collection.keyOf(document), document)
      }
    }
    return found
  }

  async findOne<F extends keyof T = keyof T>(filter: FilterInput, options: ReadOptions<F> = {}) {
    const [first] = await this.find(filter, { ...options, limit: 1 })
    return first
  }

  async find<F extends keyof T = keyof T>(filter: FilterInput, options: FindOptions<F> = {}) {
    const plan = planFind(this.#collection, filter, options)
    const select = this.#selection(options.fields)
    const limit = checkedLimit('limit', options.limit)
    const read = async (atMost: number | undefined) => {
      const { text, values } = this.#findSql(plan, select.columns, atMost)
      const rows = await this.#access.read((one) => one.prepare(text).all(...values), options)
      return rows.map((row) => select.document<F>(row))
    }
    if (this.#seeks(plan)) {
      if (limit !== undefined && limit <= maxAtOnce) return await read(limit)
      // Often there are few.
      const first = await read(maxAtOnce)
      if (first.length < maxAtOnce) return first
    }
    if (!(await this.#access.isLarge(options))) return await read(limit)
    const { text, values } = this.#findSql(plan, 'id', limit)
    const ids = await this.#access.scanIds(text, values, options)
    const documents: Stored<Pick<T, F>>[] = []
    for await (const batch of this.#byIds(ids, plan.conditions, maxAtOnce, options)) {
      documents.push(...batch)
      await nextTick()
    }
    return documents
  }

  async *stream<F extends keyof T = keyof T>(filter: FilterInput, options: StreamOptions<F> = {}) {
    const batches =
      (options.sort ?? []).length > 0
        ? this.#sortedBatches(filter, options.sort as Sort, options)
        : this.#unsortedBatches(filter, options)
    for await (const batch of batches) {
      for (const document of batch) {
        options.signal?.throwIfAborted()
        yield document
      }
      // Without it a consumer that never waits would keep everything else from running.
      await nextTick()
    }
  }

  async count(filter: FilterInput = {}, options?: CallOptions): Promise<number> {
    const conditions = this.#conditions(filter)
    const kept = this.#table.keptCount(conditions)
    if (kept !== undefined) {
      const [row] = await this.#access.scan(kept.text, kept.values, options)
      if (typeof row?.n === 'number') return row.n
    }
    const { text, values } = compileConditions(this.#table, conditions)
    // Without WHERE, SQLite counts pages instead of rows.
    const only = conditions.length === 0 ? '' : ` WHERE ${text}`
    const sql = `SELECT count(*) AS n FROM ${this.#table.name}${only}`
    const [row] = await this.#access.scan(sql, values, options)
    return Number(row?.n)
  }

  async countBy(path: string, filter: FilterInput = {}, options?: CallOptions) {
    const by = countable(this.#collection.path(path))
    const rows = await this.#countsBy(by, this.#conditions(filter), options)
    const counts = new Map<Scalar, number>()
    for (const { value, type, n } of rows) {
      const counted = countedValue(value, typeof type === 'string' ? type : by.kind)
      counts.set(counted, (counts.get(counted) ?? 0) + Number(n))
    }
    return counts
  }

  async sum(path: string, filter: FilterInput = {}, options?: CallOptions): Promise<number> {
    const conditions = this.#conditions(filter)
    const { text, values } = compileConditions(this.#table, conditions)
    const of = summable(this.#collection.path(path))
    // Not sum(): that fails above 2^63, and node:sqlite above 2^53.
    const sql = `SELECT total(${valueText(of)}) AS total FROM ${this.#table.readFor(of, conditions)} WHERE ${text}`
    const [row] = await this.#access.scan(sql, values, options)
    return Number(row?.total)
  }

  async exists(filter: FilterInput, options?: CallOptions): Promise<boolean> {
    const conditions = this.#conditions(filter)
    const { text, values } = compileConditions(this.#table, conditions)
    const sql = `SELECT 1 FROM ${this.#table.name} WHERE ${text} LIMIT 1`
    const rows = this.#table.seeks(conditions, undefined)
      ? await this.#access.read((connection) => connection.prepare(sql).all(...values), options)
      : await this.#access.scan(sql, values, options)
    return rows.length > 0
  }

  async update(
    key: string,
    change: Change<T>,
    options: CallOptions & { readonly if?: FilterInput | undefined } = {},
  ): Promise<Stored<T>> {
    const parsed = parseChange(this.#collection, change)
    const only = this.#where(options.if ?? {})
    const sql = `SELECT id, json(doc) AS doc, (${only.text}) AS holds FROM ${this.#table.name} WHERE (${this.#table.key}) = ?`
    return this.#access.write((connection) => {
      const row = connection.prepare(sql).get(...only.values, key)
      if (row === undefined) throw notFound(this.#collection, key)
      if (row.holds !== 1) throw conflict(this.#collection, key)
      return this.#change(connection, row, parsed)
    }, options)
  }

  async claim(
    filter: FilterInput,
    change: Change<T>,
    options: CallOptions & { readonly sort: Sort; readonly limit: number },
  ): Promise<Stored<T>[]> {
    const parsed = parseChange(this.#collection, change)
    const { conditions, order } = planFind(this.#collection, filter, { sort: options.sort })
    const where = compileConditions(this.#table, conditions)
    const limit = checkedLimit('limit', options.limit) ?? 0
    const from = `FROM ${this.#table.name} WHERE ${where.text}`
    const inOrder = `${orderBy(order)} LIMIT ?`
    const take = (only: string, values: SqlCondition['values']) =>
      this.#access.write((connection) => {
        const sql = `SELECT id, json(doc) AS doc ${from}${only} ${inOrder}`
        const rows = connection.prepare(sql).all(...where.values, ...values, limit)
        return rows.map((row) => this.#change(connection, row, parsed))
      }, options)
    if (this.#table.seeks(conditions, order) || !(await this.#access.isLarge(options))) {
      return await take('', [])
    }
    // Candidates are looked for beside the event loop; another caller may get them first.
    for (;;) {
      const ids = await this.#access.scanIds(
        `SELECT id ${from} ${inOrder}`,
        [...where.values, limit],
        options,
      )
      if (ids.length === 0) return []
      const taken = await take(amongIds, [idList(ids)])
      if (taken.length > 0) return taken
    }
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    const sql = `DELETE FROM ${this.#table.name} WHERE (${this.#table.key}) = ?`
    const { changes } = await this.#access.write(
      (connection) => connection.prepare(sql).run(key),
      options,
    )
    if (changes === 0) throw notFound(this.#collection, key)
  }

  async deleteMany(filter: FilterInput, options?: CallOptions): Promise<number> {
    const where = this.#where(filter)
    const from = `FROM ${this.#table.name} WHERE ${where.text}`
    const ids = await this.#access.scanIds(`SELECT id ${from}`, where.values, options)
    const sql = `DELETE ${from}${amongIds}`
    let deleted = 0
    for (let at = 0, size = 10; at < ids.length; ) {
      if (at > 0) await nextTick()
      const group = idList(ids.subarray(at, at + size))
      at += size
      const { rows, tookMs } = await this.#access.change(sql, [...where.values, group], options)
      deleted += rows
      size = Math.min(groupSize, Math.max(1, tookMs > deleteMs ? size >> 1 : size + 10))
    }
    return deleted
  }

  async #getOne<F extends keyof T>(key: string, options: ReadOptions<F>) {
    const select = this.#selection(options.fields)
    const sql = select === this.#whole ? this.#getSql : this.#sqlOfOne(select)
    const row = await this.#access.read((connection) => connection.prepare(sql).get(key), options)
    return row === undefined ? undefined : select.document<F>(row)
  }

  #sqlOfOne({ columns }: Selection<T>): string {
    return `SELECT ${columns} FROM ${this.#table.name} WHERE (${this.#table.key}) = ?`
  }

  *#insertGroup(connection: SqliteConnection, group: readonly Prepared<T>[]) {
    const statement = connection.prepare(this.#insertSql)
    const refused = new Map<number, MindtraceError>()
    for (const [at, prepared] of group.entries()) {
      try {
        statement.run(prepared.json)
      } catch (error) {
        const duplicate = this.#duplicate(connection, prepared, error)
        if (duplicate === undefined) throw error
        refused.set(at, duplicate)
      }
      yield
    }
    return refused
  }

  /** The number of those that did not exist. */
  *#upsertGroup(connection: SqliteConnection, group: readonly Prepared<T>[]) {
    const keys = new Set(group.map(({ key }) => key))
    const statement = connection.prepare(this.#upsertSql)
    const existing = connection.prepare(this.#existingKeysSql).get(JSON.stringify([...keys]))
    for (const prepared of group) {
      try {
        statement.run(prepared.json)
      } catch (error) {
        throw this.#duplicate(undefined, prepared, error) ?? error
      }
      yield
    }
    return keys.size - Number(existing?.n ?? 0)
  }

  get #insertSql(): string {
    return `INSERT INTO ${this.#table.name} (doc) VALUES (jsonb(?))`
  }

  get #upsertSql(): string {
    return `${this.#insertSql} ON CONFLICT ((${this.#table.key})) DO UPDATE SET doc = excluded.doc`
  }

  get #existingKeysSql(): string {
    return `SELECT count(*) AS n FROM ${this.#table.name} WHERE (${this.#table.key}) IN (SELECT value FROM json_each(?))`
  }

  /** Whether the first documents of a plan are read without reading others. */
  #seeks({ conditions, order, beyond }: FindPlan): boolean {
    if (beyond === undefined) return this.#table.seeks(conditions, order)
    return beyond.every((step) =>
      this.#table.seeks([...step, ...unimplied(conditions, step)], openOrder(order, step)),
    )
  }

  #conditions(filter: FilterInput): readonly Condition[] {
    return planFind(this.#collection, filter, {}).conditions
  }

  #where(filter: FilterInput): SqlCondition {
    return compileConditions(this.#table, this.#conditions(filter))
  }

  async #countsBy(
    by: Path,
    conditions: readonly Condition[],
    options: CallOptions | undefined,
  ): Promise<Row[]> {
    const kept = conditions.length === 0 ? this.#table.keptCounts(by) : undefined
    if (kept !== undefined) {
      const rows = await this.#access.scan(kept, [], options)
      if (rows.length > 0) return rows
    }
    const { text, values } = compileConditions(this.#table, conditions)
    // The types of a free path are told apart; a declared one has one type, and its index gives the groups.
    const [type, groups] =
      by.kind === 'free' ? [`, json_type(doc, ${jsonPath(by)}) AS type`, '1, 2'] : ['', '1']
    const columns = `${valueText(by)} AS value${type}, count(*) AS n`
    const sql = `SELECT ${columns} FROM ${this.#table.name} WHERE ${text} GROUP BY ${groups}`
    return await this.#access.scan(sql, values, options)
  }

  #prepare(input: I): Prepared<T> {
    const document = this.#collection.parse(input)
    const key = this.#collection.keyOf(document)
    return { document, key, json: this.#json(document, key) }
  }

  /** Checks all documents, then gives them in groups, leaving the event loop free in between. */
  async *#groups(inputs: readonly I[]) {
    const prepared: Prepared<T>[] = []
    for (const [at, input] of inputs.entries()) {
      if (at > 0 && at % checkedAtOnce === 0) await nextTick()
      prepared.push(this.#prepare(input))
    }
    for (let from = 0; from < prepared.length; from += groupSize) {
      if (from > 0) await nextTick()
      yield { group: prepared.slice(from, from + groupSize), from }
    }
  }

  #json(document: object, key: string): string {
    const json = JSON.stringify(document)
    // A UTF-16 unit is at most three bytes in UTF-8: most documents need no second look.
    if (json.length * 3 <= maxDocumentBytes) return json
    const bytes = Buffer.byteLength(json)
    if (bytes <= maxDocumentBytes) return json
    throw tooLarge(this.#collection, key, bytes)
  }

  /**
   * One SELECT, or one for each step beyond the last page, one after the other: each seeks its place in the
   * index, where their OR would walk over all rows that equal the last one in the first field.
   */
  #findSql(plan: FindPlan, columns: string, limit: number | undefined): SqlCondition {
    const limits = limit === undefined ? '' : ' LIMIT ?'
    const steps = (plan.beyond ?? [[]]).map((step) => {
      const { text, values } = compileConditions(this.#table, [
        ...step,
        ...unimplied(plan.conditions, step),
      ])
      // SQLite sorts needlessly where a field of the order is fixed by a condition.
      const order = openOrder(plan.order, step)
      const select = `SELECT ${columns} FROM ${this.#table.name} WHERE ${text} ${orderBy(order)}${limits}`
      return { select, values }
    })
    const selects = steps.map(({ select }) => select)
    const bound = limit === undefined ? [] : [limit]
    const values = steps.flatMap((step) => [...step.values, ...bound])
    const [only] = selects
    if (selects.length === 1 && only !== undefined) return { text: only, values }
    const text = selects.map((one) => `SELECT * FROM (${one})`).join(' UNION ALL ')
    return { text: text + limits, values: [...values, ...bound] }
  }

  #selection(
    fields: readonly (keyof T)[] | undefined,
    extra: readonly string[] = [],
  ): Selection<T> {
    if (fields === undefined) return this.#whole
    const collection = this.#collection
    const names = [...new Set([collection.key, ...fields.map(String), ...extra])]
    const columns = names.map((name) => `doc -> ${jsonPath(collection.path(name))} AS "${name}"`)
    return {
      columns: columns.join(', '),
      document: <F extends keyof T>(row: Row) => {
        const document: Row = {}
        for (const name of names) {
          const json = row[name]
          if (json !== null) document[name] = JSON.parse(json as string)
        }
        return collection.restore(document, names) as Stored<Pick<T, F>>
      },
    }
  }

  async *#sortedBatches<F extends keyof T>(
    filter: FilterInput,
    sort: Sort,
    options: StreamOptions<F>,
  ): AsyncGenerator<Stored<Pick<T, F>>[]> {
    const limit = checkedLimit('batchSize', options.batchSize) ?? defaultBatchSize
    const order = parseSort(this.#collection, sort)
    const needed = order.map(({ path }) => path.segments[0] as string)
    const fields = options.fields && ([...new Set([...options.fields, ...needed])] as F[])
    const surplus = needed.filter(
      (name) =>
        options.fields && name !== this.#collection.key && !options.fields.includes(name as F),
    )
    for (let after: FindOptions<F>['after']; ; ) {
      const batch = await this.find(filter, { signal: options.signal, fields, sort, limit, after })
      const last = batch.at(-1)
      if (last !== undefined) after = keysetOfFields(order, last)
      for (const document of batch)
        for (const name of surplus) Reflect.deleteProperty(document, name)
      yield batch
      if (batch.length < limit) return
    }
  }

  /**
   * In the order of insertion. With a filter the row ids are read first, in one statement: a filter's index
   * is in another order, so that reading it batch by batch would read all of it for every batch.
   */
  async *#unsortedBatches<F extends keyof T>(
    filter: FilterInput,
    options: StreamOptions<F>,
  ): AsyncGenerator<Stored<Pick<T, F>>[]> {
    const limit = checkedLimit('batchSize', options.batchSize) ?? defaultBatchSize
    const conditions = this.#conditions(filter)
    const where = compileConditions(this.#table, conditions)
    const from = `FROM ${this.#table.name} WHERE ${where.text}`
    if (conditions.length === 0) {
      const select = this.#selection(options.fields)
      const sql = `SELECT id, ${select.columns} ${from} AND id > ? ORDER BY id LIMIT ?`
      for (let last = 0; ; ) {
        const rows = await this.#access.read(
          (connection) => connection.prepare(sql).all(last, limit),
          options,
        )
        yield rows.map((row) => select.document<F>(row))
        if (rows.length < limit) return
        last = Number(rows.at(-1)?.id)
      }
    }
    const ids = await this.#access.scanIds(`SELECT id ${from} ORDER BY id`, where.values, options)
    yield* this.#byIds(ids, conditions, limit, options)
  }

  /** Documents by row id, in the order of the ids, as long as they exist and conditions hold for them. */
  async *#byIds<F extends keyof T>(
    ids: Float64Array,
    conditions: readonly Condition[],
    batchSize: number,
    options: ReadOptions<F>,
  ): AsyncGenerator<Stored<Pick<T, F>>[]> {
    const select = this.#selection(options.fields)
    const where = compileConditions(this.#table, conditions)
    const sql = `SELECT id, ${select.columns} FROM ${this.#table.name} WHERE ${where.text}${amongIds}`
    for (let at = 0; at < ids.length; at += batchSize) {
      const group = ids.subarray(at, at + batchSize)
      const rows = await this.#access.read(
        (connection) => connection.prepare(sql).all(...where.values, idList(group)),
        options,
      )
      const byId = new Map(rows.map((row) => [Number(row.id), row]))
      yield [...group].flatMap((id) => {
        const row = byId.get(id)
        return row === undefined ? [] : [select.document<F>(row)]
      })
    }
  }

  #change(
    connection: SqliteConnection,
    row: Row,
    change: ReturnType<typeof parseChange>,
  ): Stored<T> {
    const document = JSON.parse(row.doc as string) as Row
    applyChange(document, change)
    const key = this.#collection.keyOf(document)
    const json = this.#json(document, key)
    try {
      connection
        .prepare(`UPDATE ${this.#table.name} SET doc = jsonb(?) WHERE id = ?`)
        .run(json, row.id as number)
    } catch (error) {
      throw this.#duplicate(undefined, { document: document as T, key, json }, error) ?? error
    }
    return this.#collection.restore(document)
  }

  /** The DUPLICATE error behind a failed statement. Of several broken indexes that of the key is named. */
  #duplicate(connection: SqliteConnection | undefined, prepared: Prepared<T>, error: unknown) {
    const name = brokenUniqueIndex(error)
    let index = name === undefined ? undefined : this.#table.index(name)
    if (index === undefined) return undefined
    const [keyIndex] = this.#collection.indexes
    if (connection !== undefined && keyIndex !== undefined && index !== keyIndex) {
      const sql = `SELECT 1 FROM ${this.#table.name} WHERE (${this.#table.key}) = ?`
      if (connection.prepare(sql).get(prepared.key) !== undefined) index = keyIndex
    }
    return duplicate(this.#collection, index, prepared.document, error)
  }
}

/** Narrows a condition to the rows of an {@link idList}. */
const amongIds = ' AND id IN (SELECT value FROM json_each(?))'

function idList(ids: Float64Array): string {
  return `[${ids.join()}]`
}

function duplicateAt(index: number, { details }: MindtraceError): Duplicate {
  const { on, value } = details as Pick<Duplicate, 'on' | 'value'>
  return { index, on, value }
}

function stored<T extends object>({ document, key }: Prepared<T>): Stored<T> {
  return Object.assign(document, { _id: objectIdOf(key) })
}

function countedValue(value: unknown, type: string): Scalar {
  if (type === 'true' || type === 'false' || (type === 'boolean' && value !== null))
    return value === 1
  if (type === 'array' || type === 'object') return null
  return value as Scalar
}
