import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

/** A log above this size is copied into the file. */
const startBytes = 4 * 1024 * 1024

/** The log's size is looked at after so many writes. */
const writesPerLook = 16

/*
 * As text, so that it is the same in `src` and `dist`, and in whatever a bundler makes of them. A checkpoint
 * that finds somebody in its way does what it can and leaves the rest to the next one.
 */
const script = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(workerData, { timeout: 10 })
  database.exec('PRAGMA synchronous = NORMAL')
  parentPort.on('message', (order) => {
    if (order === 'close') {
      database.close()
      parentPort.close()
      return
    }
    try {
      database.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch {}
    parentPort.postMessage('done')
  })
`

/**
 * Copies SQLite's write-ahead log into the file from a thread of its own. Done by the writer, as SQLite does it
 * by itself, it waits for the disk in the middle of a commit, and the event loop with it.
 *
 * The thread starts when there is first something to do, and keeps no process alive.
 */
export class Checkpointer {
  readonly #path: string
  #worker: Worker | undefined
  #underWay = false
  #writes = 0

  constructor(path: string) {
    this.#path = path
  }

  /** To be called after every write. */
  afterWrite(): void {
    this.#writes += 1
    if (this.#writes % writesPerLook !== 0 || this.#underWay) return
    const log = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })
    if (log === undefined || log.size < startBytes) return
    this.#underWay = true
    this.#thread().postMessage('checkpoint')
  }

  /** Waits for the checkpoint that is under way and ends the thread. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    worker.ref()
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage('close')
    await ended
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(script, {
      eval: true,
      workerData: this.#path,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.unref()
    worker.on('message', () => {
      this.#underWay = false
    })
    // Without it the writer checkpoints by itself when the log is large: slower, and as safe.
    worker.on('error', () => {
      this.#worker = undefined
    })
    this.#worker = worker
    return worker
  }
}
