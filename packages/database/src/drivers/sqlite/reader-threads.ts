import { abortable } from '@mindtrace/core'
import { type Row, SqliteThread, type ThreadOptions } from './sqlite-thread.ts'

/** Two: a count is not held up by an integrity check, and no machine is too small for them. */
const maxThreads = 2

/**
 * Threads that read one file. Each statement sees all that was committed before it was given, by whomever.
 */
export class ReaderThreads {
  readonly #options: ThreadOptions
  readonly #threads: SqliteThread[] = []

  constructor(options: ThreadOptions) {
    this.#options = options
  }

  /** See {@link SqliteThread.all}. An aborted signal ends the wait; the statement runs to its end unseen. */
  all(sql: string, values: readonly unknown[], signal?: AbortSignal | undefined): Promise<Row[]> {
    return abortable(this.#idlest().all(sql, values), signal)
  }

  /** See {@link SqliteThread.ids}. */
  ids(
    sql: string,
    values: readonly unknown[],
    signal?: AbortSignal | undefined,
  ): Promise<Float64Array> {
    return abortable(this.#idlest().ids(sql, values), signal)
  }

  /** Waits for what they do and ends them. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #idlest(): SqliteThread {
    const [first] = this.#threads.toSorted((a, b) => a.load - b.load)
    if (first !== undefined && (first.load === 0 || this.#threads.length === maxThreads)) {
      return first
    }
    const thread = new SqliteThread(this.#options)
    this.#threads.push(thread)
    return thread
  }
}
