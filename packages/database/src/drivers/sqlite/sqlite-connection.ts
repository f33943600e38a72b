import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

const maxStatements = 256
/** Longer ones come from filters of many conditions on long paths: kept, 256 of them could be hundreds of megabytes. */
export const maxKeptLength = 20_000

/** One connection to one file, with its prepared statements. */
export class SqliteConnection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, options: { readonly readOnly: boolean }) {
    // SQLite's own waiting blocks the event loop: it bridges moments only, the rest is waited for outside.
    this.#database = new DatabaseSync(path, { readOnly: options.readOnly, timeout: 10 })
  }

  /** Whether a transaction is open. SQLite ends one by itself when the disk is full. */
  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  /** A statement of that text, prepared once unless it is very long; the least recently used ones are forgotten. */
  prepare(sql: string): StatementSync {
    if (sql.length > maxKeptLength) return this.#database.prepare(sql)
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      const [oldest] = this.#statements.keys()
      if (this.#statements.size >= maxStatements && oldest !== undefined) {
        this.#statements.delete(oldest)
      }
    } else {
      this.#statements.delete(sql)
    }
    this.#statements.set(sql, statement)
    return statement
  }

  /** Runs statements that are not worth keeping. */
  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** The one value of a pragma. */
  pragma(name: string): unknown {
    const row = this.#database.prepare(`PRAGMA ${name}`).get()
    return row === undefined ? undefined : Object.values(row)[0]
  }

  /** The column `id` of any number of rows. */
  ids(sql: string, values: readonly SQLInputValue[]): Float64Array {
    const ids: number[] = []
    for (const { id } of this.prepare(sql).iterate(...values)) ids.push(Number(id))
    return Float64Array.from(ids)
  }

  /** Runs `work` between BEGIN and COMMIT, or as a savepoint of the transaction that is open. */
  unit<R>(work: () => R): R {
    const { begin, commit, rollback } = this.inTransaction ? savepoint : transaction
    this.prepare(begin).run()
    try {
      const result = work()
      this.prepare(commit).run()
      return result
    } catch (error) {
      if (this.inTransaction) this.exec(rollback)
      throw error
    }
  }

  /** Runs work that takes its time as a savepoint of the transaction that is open. */
  async unitInSteps<R>(work: () => Promise<R>): Promise<R> {
    this.prepare(savepoint.begin).run()
    try {
      const result = await work()
      this.prepare(savepoint.commit).run()
      return result
    } catch (error) {
      if (this.inTransaction) this.exec(savepoint.rollback)
      throw error
    }
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }
}

const transaction = { begin: 'BEGIN IMMEDIATE', commit: 'COMMIT', rollback: 'ROLLBACK' }
const savepoint = {
  begin: 'SAVEPOINT unit',
  commit: 'RELEASE unit',
  rollback: 'ROLLBACK TO unit; RELEASE unit',
}
