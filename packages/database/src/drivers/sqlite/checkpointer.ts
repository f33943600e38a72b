import { statSync } from 'node:fs'
import type { SqliteThread } from './sqlite-thread.ts'

/** A log file above this size is copied into the database. */
const startBytes = 4 * 1024 * 1024

/** The log's size is looked at after so many writes. */
const writesPerLook = 16

/**
 * 32 MB. While somebody writes, a checkpoint never gets to the end of the log, and a log is begun anew only from its
 * end: above this size our own writers wait for one, so that theirs never has to be done in the event loop.
 */
const holdPages = 8192

/**
 * Copies SQLite's write-ahead log into the file from a thread. Done by the writer, as SQLite does it by
 * itself, it waits for the disk in the middle of a commit, and the event loop with it.
 */
export class Checkpointer {
  readonly #path: string
  readonly #thread: SqliteThread
  readonly #inTurn: (work: () => Promise<unknown>) => Promise<unknown>
  #underWay = false
  #writes = 0

  /** `inTurn` runs work while nothing else is written by this process. */
  constructor(
    path: string,
    thread: SqliteThread,
    inTurn: (work: () => Promise<unknown>) => Promise<unknown>,
  ) {
    this.#path = path
    this.#thread = thread
    this.#inTurn = inTurn
  }

  /** To be called after every write. */
  afterWrite(): void {
    this.#writes += 1
    if (this.#writes % writesPerLook !== 0 || this.#underWay) return
    const log = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })
    if (log === undefined || log.size < startBytes) return
    this.#underWay = true
    this.#checkpoint()
      // A checkpoint that fails leaves the rest to the next one, or to the writer: slower, and as safe.
      .catch(() => {})
      .finally(() => {
        this.#underWay = false
      })
  }

  async #checkpoint(): Promise<void> {
    const copy = () => this.#thread.all('PRAGMA wal_checkpoint(PASSIVE)')
    const [state] = await copy()
    if (Number(state?.log) > holdPages) await this.#inTurn(copy)
  }
}
