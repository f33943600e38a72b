import { Worker } from 'node:worker_threads'
import { maxKeptLength } from './sqlite-connection.ts'

/** One row, by column. */
export type Row = Record<string, unknown>

/** What an order to a thread is made of. */
type Order =
  | {
      readonly do: 'all' | 'ids' | 'run'
      readonly sql: string
      readonly values: readonly unknown[]
    }
  | { readonly do: 'exec' | 'unit'; readonly statements: readonly string[] }

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What of SQLite's error crosses the border between threads. */
interface Failure {
  readonly message: string
  readonly errcode: number | undefined
}

/*
 * As text, so that it is the same in `src` and `dist`, and in whatever a bundler makes of them. Orders are
 * carried out one after the other, in the order in which they came.
 */
const script = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const { path, readOnly, timeout, setup } = workerData
  const maxStatements = 64
  const maxKeptLength = ${maxKeptLength}
  let connection
  const open = () => {
    if (connection !== undefined) return connection
    const opened = new DatabaseSync(path, { readOnly, timeout })
    opened.exec(setup)
    connection = opened
    return opened
  }
  const statements = new Map()
  const prepare = (sql) => {
    if (sql.length > maxKeptLength) return open().prepare(sql)
    let statement = statements.get(sql)
    if (statement === undefined) {
      if (statements.size === maxStatements) statements.clear()
      statement = open().prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
  const work = {
    all: ({ sql, values }) => prepare(sql).all(...values),
    run: ({ sql, values }) => Number(prepare(sql).run(...values).changes),
    ids({ sql, values }) {
      const ids = []
      for (const { id } of prepare(sql).iterate(...values)) ids.push(id)
      return Float64Array.from(ids)
    },
    exec({ statements }) {
      for (const statement of statements) open().exec(statement)
    },
    unit({ statements }) {
      const database = open()
      database.exec('BEGIN IMMEDIATE')
      try {
        for (const statement of statements) database.exec(statement)
        database.exec('COMMIT')
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
  }
  parentPort.on('message', (order) => {
    if (order === 'close') {
      connection?.close()
      parentPort.close()
      return
    }
    try {
      const result = work[order.do](order)
      parentPort.postMessage({ result }, ArrayBuffer.isView(result) ? [result.buffer] : [])
    } catch ({ message, errcode }) {
      parentPort.postMessage({ failure: { message, errcode } })
    }
  })
`

/** How a thread opens its connection. */
export interface ThreadOptions {
  readonly path: string
  readonly readOnly: boolean
  /** How long SQLite waits for other connections; the thread may, the event loop may not. */
  readonly busyTimeoutMs: number
  /** Pragmas of the connection. */
  readonly setup: string
}

/**
 * A thread with a connection of its own, for what would hold the event loop for long. It starts with its first
 * order and keeps a process alive only while it has one. Errors are SQLite's, as the connection throws them.
 */
export class SqliteThread {
  readonly #options: ThreadOptions
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #closed = false

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** Whether it has been started. */
  get started(): boolean {
    return this.#worker !== undefined
  }

  /** How many orders it has. */
  get load(): number {
    return this.#waiting.length
  }

  /** The rows of a statement that gives few of them. */
  async all(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#order({ do: 'all', sql, values })) as Row[]
  }

  /** The column `id` of any number of rows. */
  async ids(sql: string, values: readonly unknown[]): Promise<Float64Array> {
    return (await this.#order({ do: 'ids', sql, values })) as Float64Array
  }

  /** Runs one statement; gives the number of rows that it changed. */
  async run(sql: string, values: readonly unknown[]): Promise<number> {
    return (await this.#order({ do: 'run', sql, values })) as number
  }

  /** Runs statements, each for itself. */
  async exec(statements: readonly string[]): Promise<void> {
    await this.#order({ do: 'exec', statements })
  }

  /** Runs statements in one transaction. */
  async unit(statements: readonly string[]): Promise<void> {
    await this.#order({ do: 'unit', statements })
  }

  /** Waits for its orders and ends it; further orders fail. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#closed = true
    if (worker === undefined) return
    this.#worker = undefined
    worker.ref()
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage('close')
    await ended
  }

  async #order(order: Order): Promise<unknown> {
    if (this.#closed) throw new Error('the thread is closed')
    const worker = this.#started()
    worker.ref()
    worker.postMessage(order)
    return await new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const { path, readOnly, busyTimeoutMs: timeout, setup } = this.#options
    const worker = new Worker(script, {
      eval: true,
      workerData: { path, readOnly, timeout, setup },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.on('message', (answer: { readonly result: unknown; readonly failure?: Failure }) => {
      const waiting = this.#waiting.shift()
      if (this.#waiting.length === 0) worker.unref()
      if (answer.failure === undefined) waiting?.resolve(answer.result)
      else waiting?.reject(Object.assign(new Error(answer.failure.message), answer.failure))
    })
    worker.on('error', (error) => {
      if (this.#worker === worker) this.#worker = undefined
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    })
    this.#worker = worker
    return worker
  }
}
