import { AsyncLocalStorage } from 'node:async_hooks'
import { statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setImmediate as nextTick } from 'node:timers/promises'
import { abortable, type CallOptions, errorMessage, MindtraceError, Mutex } from '@mindtrace/core'
import type { Collection } from '../../collection.ts'
import type { Database, Repositories } from '../../database.ts'
import type { Repository } from '../../repository.ts'
import { type BackupOptions, backUpFile } from './backup.ts'
import { Checkpointer } from './checkpointer.ts'
import { formOf, migrations, newerForm } from './migrations.ts'
import { ReaderThreads } from './reader-threads.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { convertError, isBusy } from './sqlite-errors.ts'
import type { SqlCondition } from './sqlite-filter.ts'
import { type Changed, type SqliteAccess, SqliteRepository } from './sqlite-repository.ts'
import { claimFile, missingFrom, recreation, Table, unbuildable } from './sqlite-schema.ts'
import { SqliteThread } from './sqlite-thread.ts'
import { WriterQueue, whileBusy } from './writer-queue.ts'

/** What {@link openSqliteDatabase} takes. */
export interface SqliteOptions extends CallOptions {
  /** The file, created with its folder when missing, or `:memory:`. */
  readonly path: string
  /**
   * `normal`: a power cut may lose the last transactions, never the file's integrity; a crash of the process loses
   * nothing. `full`: every transaction is on the disk when it resolves. Default: `normal`.
   */
  readonly synchronous?: 'normal' | 'full' | undefined
  /** How long to wait for other processes that write to the file. Default: 5000. */
  readonly busyTimeoutMs?: number | undefined
  /** Memory for pages of the file, for each of the two connections. Default: 16. */
  readonly cacheMiB?: number | undefined
  /** From this size on, statements that may read much run in threads beside the event loop. Default: 8 MiB. */
  readonly largeFileBytes?: number | undefined
  /** A size that the file may not outgrow; then writes throw `STORAGE_FULL`. Default: none. */
  readonly maxFileBytes?: number | undefined
}

/** A {@link Database} in a SQLite file, and what only a file can do. */
export interface SqliteDatabase extends Database {
  /** The absolute path of the file, or `:memory:`. */
  readonly path: string
  /**
   * Copies the file as it is at this moment, while others read and write. The copy is whole, on the disk and
   * a database by itself when it gets its name; put in the place of the file it restores it.
   *
   * @throws {@link MindtraceError} `CONFLICT` when the target exists, `STORAGE_FULL`, `UNAVAILABLE` when it cannot be
   *   written, `INVALID_INPUT` in memory. Nothing then has the target's name.
   */
  backup(target: string, options?: BackupOptions): Promise<{ readonly sizeBytes: number }>
}

/**
 * Opens a lake's records in a SQLite file, on a local disk. Several processes may have it open.
 *
 * @throws {@link MindtraceError} `UNAVAILABLE` when it cannot be opened, `CORRUPT` when it is no SQLite
 *   database, `INVALID_INPUT` when it is another program's, `NOT_IMPLEMENTED` when a newer version wrote it.
 */
export async function openSqliteDatabase(options: SqliteOptions): Promise<SqliteDatabase> {
  const inMemory = options.path === ':memory:'
  const path = inMemory ? options.path : resolve(options.path)
  const busyTimeoutMs = options.busyTimeoutMs ?? 5000
  options.signal?.throwIfAborted()
  if (!inMemory) await makeFolder(path)
  const opened: SqliteConnection[] = []
  try {
    const connect = (readOnly: boolean) => {
      const connection = new SqliteConnection(path, { readOnly })
      opened.push(connection)
      return connection
    }
    const patiently = <R>(work: () => R) => whileBusy(work, busyTimeoutMs, options.signal)
    const writer = connect(false)
    await patiently(() => claimFile(writer, path))
    if (!inMemory) await patiently(() => writer.exec('PRAGMA journal_mode = WAL'))
    const reader = inMemory ? writer : connect(true)
    const setup = `PRAGMA cache_size = -${Math.round((options.cacheMiB ?? 16) * 1024)}; PRAGMA wal_autocheckpoint = ${checkpointPages}`
    const writing = `PRAGMA synchronous = ${options.synchronous ?? 'normal'}; PRAGMA foreign_keys = ON; PRAGMA analysis_limit = 400; PRAGMA journal_size_limit = 67108864`
    for (const connection of new Set([writer, reader])) {
      connection.exec(`${setup}; PRAGMA temp_store = MEMORY`)
    }
    writer.exec(writing)
    if (options.maxFileBytes !== undefined) {
      const pageBytes = Number(writer.pragma('page_size'))
      writer.pragma(`max_page_count = ${Math.ceil(options.maxFileBytes / pageBytes)}`)
    }
    const largeFileBytes = options.largeFileBytes ?? defaultLargeFileBytes
    const thread = { path, busyTimeoutMs }
    return new OpenSqliteDatabase(path, writer, reader, busyTimeoutMs, {
      largeFileBytes,
      readers: new ReaderThreads({ ...thread, readOnly: true, setup }),
      upkeep: new SqliteThread({ ...thread, readOnly: false, setup: `${setup}; ${writing}` }),
    })
  } catch (error) {
    for (const connection of opened) connection.close()
    throw convertError(error, path)
  }
}

/**
 * The path in a database address: `sqlite:/data/lake.db`, `sqlite:lake.db`, `sqlite::memory:`.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for any other text.
 */
export function sqlitePathOf(address: string): string {
  const path = address.startsWith('sqlite:') ? address.slice('sqlite:'.length) : ''
  if (path !== '' && !path.startsWith('//')) return path
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${address}' is no address of a SQLite database: write sqlite:PATH, for example sqlite:./lake.db`,
    { details: { address } },
  )
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
  } catch (cause) {
    throw new MindtraceError(
      'UNAVAILABLE',
      `The folder of '${path}' cannot be made (${errorMessage(cause)}): choose a path below a folder that can be written`,
      { cause, details: { path } },
    )
  }
}

/** 256 MB: above it the writer empties the log by itself, should the {@link Checkpointer} not get to it. */
const checkpointPages = 65_536
const changesPerOptimize = 20_000

/**
 * A file below this size is read through in some 20 ms, whatever the statement; a thread is not worth its
 * start. The slowest statement, which reads every row out of order, takes 2.6 µs a row of 1 kB.
 */
const defaultLargeFileBytes = 8 * 1024 * 1024

/** Work in steps lets others have the event loop after so long. */
const stepMs = 10

/** The form of a file is looked at before a read when the last look was so long ago; before every write anyway. */
const formEveryMs = 250

/** One `transaction` call, as calls within it see it. */
interface TransactionScope {
  open: boolean
  /** Its calls take turns: one in steps must not have another's writes in its savepoint. */
  readonly turns: Mutex
}

/** What works beside the event loop. */
interface Threads {
  /** From this size of the file on they are used. */
  readonly largeFileBytes: number
  readonly readers: ReaderThreads
  /** Checkpoints, statistics, and what changes the schema. */
  readonly upkeep: SqliteThread
}

class OpenSqliteDatabase implements SqliteDatabase {
  readonly path: string
  readonly transactional = true
  readonly #writer: SqliteConnection
  readonly #reader: SqliteConnection
  readonly #busyTimeoutMs: number
  readonly #threads: Threads
  readonly #queue = new WriterQueue()
  readonly #checkpointer: Checkpointer | undefined
  readonly #scopes = new AsyncLocalStorage<TransactionScope>()
  readonly #tables = new Map<string, Table>()
  #openScope: TransactionScope | undefined
  #changes = 0
  #optimizedAt = 0
  #formSeenAt = 0
  #large = false
  #closing: Promise<void> | undefined

  constructor(
    path: string,
    writer: SqliteConnection,
    reader: SqliteConnection,
    busyTimeoutMs: number,
    threads: Threads,
  ) {
    this.path = path
    this.#writer = writer
    this.#reader = reader
    this.#busyTimeoutMs = busyTimeoutMs
    this.#threads = threads
    this.#checkpointer =
      reader === writer
        ? undefined
        : new Checkpointer(path, threads.upkeep, (work) => this.#queue.run(work))
  }

  readonly #outside: SqliteAccess = {
    isLarge: (options) => this.#isLarge(options),
    read: (work, options) => this.#read(work, options),
    scan: async (sql, values, options = {}) => {
      if (!(await this.#isLarge(options))) {
        return this.#read((reader) => reader.prepare(sql).all(...values), options)
      }
      return this.#beside(() => this.#threads.readers.all(sql, values, options.signal))
    },
    scanIds: async (sql, values, options = {}) => {
      if (!(await this.#isLarge(options))) {
        return this.#read((reader) => reader.ids(sql, values), options)
      }
      return this.#beside(() => this.#threads.readers.ids(sql, values, options.signal))
    },
    change: (sql, values, options) => this.#change(sql, values, options),
    write: (work, options) => this.#write((writer) => writer.unit(() => work(writer)), options),
    writeInSteps: (work, options) => this.#hold(() => inSteps(work(this.#writer)), options),
  }

  repository<T extends object, I>(collection: Collection<T, I>): Repository<T, I> {
    return this.#repository(collection, this.#outside)
  }

  async init(collections: readonly Collection[], options: CallOptions = {}): Promise<void> {
    const tables = collections.map((collection) => new Table(collection))
    const missing = await this.#read((reader) => missingFrom(reader, tables), options)
    if (missing.length > 0) {
      await this.#restructure((writer) => missingFrom(writer, tables), options).catch((error) => {
        throw unbuildable(tables, error)
      })
    }
    for (const table of tables) this.#tables.set(table.collection.name, table)
  }

  async transaction<R>(
    work: (tx: Repositories) => Promise<R>,
    options: CallOptions = {},
  ): Promise<R> {
    return this.#hold((scope) => {
      const access = this.#inside(scope)
      const handle = {
        repository: <T extends object, I>(c: Collection<T, I>) => this.#repository(c, access),
      }
      return this.#scopes.run(scope, () => work(handle))
    }, options)
  }

  async ping(options: CallOptions = {}): Promise<void> {
    await this.#read((reader) => reader.prepare('SELECT 1').get(), options)
  }

  load() {
    return { waiting: this.#queue.waiting }
  }

  async drop(options: CallOptions = {}): Promise<void> {
    await this.#restructure(recreation, options)
  }

  async backup(target: string, options: BackupOptions = {}) {
    this.#check(options)
    if (this.#reader === this.#writer) {
      throw new MindtraceError('INVALID_INPUT', 'A database in memory has no file to back up')
    }
    return await backUpFile(this.path, resolve(target), options)
  }

  async check(options: CallOptions = {}): Promise<readonly string[]> {
    const rows = await this.#outside.scan('PRAGMA integrity_check', [], options)
    const findings = rows.map((row) => String(Object.values(row)[0]))
    return findings.filter((finding) => finding !== 'ok')
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.run(async () => {
      await this.#threads.readers.close()
      await this.#tidyUp()
      if (this.#reader !== this.#writer) this.#reader.close()
      this.#writer.close()
    })
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #read<R>(work: (connection: SqliteConnection) => R, options: CallOptions = {}): Promise<R> {
    this.#check(options)
    const patiently = () => this.#patiently(() => work(this.#reader), options)
    // One connection in memory: reading while a transaction waits would show what it has not committed.
    if (this.#reader === this.#writer && this.#openScope !== undefined) {
      return this.#queue.run(patiently, options.signal)
    }
    try {
      this.#checkFormNowAndThen()
      return work(this.#reader)
    } catch (error) {
      // Readers of a file wait for nobody, but for moments when the last process closes it or the first recovers it.
      if (isBusy(error)) return patiently()
      throw convertError(error, this.path)
    }
  }

  /** Whether to read beside the event loop. A large file is taken to stay so. */
  async #isLarge(options: CallOptions = {}): Promise<boolean> {
    if (this.#large || this.#reader === this.#writer) return this.#large
    this.#large = await this.#read(fileBytes, options).then(
      (bytes) => bytes >= this.#threads.largeFileBytes,
    )
    return this.#large
  }

  /** Waits for a thread, whose errors are like a connection's. */
  async #beside<R>(work: () => Promise<R>): Promise<R> {
    this.#check({})
    try {
      this.#checkFormNowAndThen()
      return await work()
    } catch (error) {
      throw convertError(error, this.path)
    }
  }

  async #write<R>(
    work: (connection: SqliteConnection) => R,
    options: CallOptions = {},
  ): Promise<R> {
    this.#check(options)
    return this.#queue.run(async () => {
      const result = await this.#patiently(() => {
        this.#checkForm()
        return work(this.#writer)
      }, options)
      this.#afterWrite()
      return result
    }, options.signal)
  }

  /** Runs one statement that writes: beside the event loop where it may wait for the disk to read. */
  async #change(
    sql: string,
    values: SqlCondition['values'],
    options: CallOptions = {},
  ): Promise<Changed> {
    if (!(await this.#isLarge(options))) {
      return await this.#write((writer) => changed(writer, sql, values), options)
    }
    this.#check(options)
    return await this.#queue.run(async () => {
      this.#checkForm()
      const since = performance.now()
      try {
        const rows = await abortable(this.#threads.upkeep.run(sql, values), options.signal)
        this.#afterWrite()
        return { rows, tookMs: performance.now() - since }
      } catch (error) {
        throw convertError(error, this.path)
      }
    }, options.signal)
  }

  /** Runs `work` in one turn and one transaction, over any number of ticks of the event loop. */
  async #hold<R>(
    work: (scope: TransactionScope) => Promise<R>,
    options: CallOptions = {},
  ): Promise<R> {
    this.#check(options)
    return this.#queue.run(async () => {
      const scope: TransactionScope = { open: true, turns: new Mutex() }
      await this.#patiently(() => this.#writer.prepare('BEGIN IMMEDIATE').run(), options)
      this.#openScope = scope
      try {
        this.#checkForm()
        const result = await work(scope)
        options.signal?.throwIfAborted()
        this.#checkAlive()
        this.#writer.prepare('COMMIT').run()
        this.#afterWrite()
        return result
      } catch (error) {
        if (this.#writer.inTransaction) this.#writer.exec('ROLLBACK')
        throw convertError(error, this.path)
      } finally {
        scope.open = false
        this.#openScope = undefined
      }
    }, options.signal)
  }

  /** Runs statements that change the schema: beside the event loop where they may read much. */
  async #restructure(
    statementsOf: (writer: SqliteConnection) => readonly string[],
    options: CallOptions,
  ): Promise<void> {
    if (!(await this.#isLarge(options))) {
      await this.#write((writer) => {
        writer.unit(() => {
          for (const statement of statementsOf(writer)) writer.exec(statement)
        })
      }, options)
      return
    }
    await this.#queue.run(async () => {
      const run = () => this.#threads.upkeep.unit(statementsOf(this.#writer))
      this.#checkForm()
      try {
        // Another process may have done the same meanwhile: then what is missing is another thing now.
        await run().catch((error) => (isOutdated(error) ? run() : Promise.reject(error)))
      } catch (error) {
        throw convertError(error, this.path)
      }
    }, options.signal)
  }

  /** Keeps the log short, and the planner's knowledge of the tables fresh while they grow. */
  #afterWrite(): void {
    this.#checkpointer?.afterWrite()
    this.#changes = Number(this.#writer.prepare('SELECT total_changes() AS n').get()?.n)
    if (this.#changes - this.#optimizedAt < changesPerOptimize) return
    this.#optimizedAt = this.#changes
    if (!this.#large) this.#tidy(optimize)
    else void this.#queue.run(() => this.#threads.upkeep.exec([optimize])).catch(() => {})
  }

  /** What is left to do before the last connection closes. */
  async #tidyUp(): Promise<void> {
    if (this.#reader === this.#writer) return
    const { upkeep, largeFileBytes } = this.#threads
    const log = statSync(`${this.path}-wal`, { throwIfNoEntry: false })
    const statements = [
      ...(this.#changes > 0 ? [optimize] : []),
      ...(log === undefined || log.size === 0 ? [] : ['PRAGMA wal_checkpoint(TRUNCATE)']),
    ]
    if (upkeep.started || (log?.size ?? 0) >= largeFileBytes) {
      for (const one of ['PRAGMA busy_timeout = 10', ...statements]) {
        await upkeep.exec([one]).catch(() => {})
      }
      await upkeep.close()
    } else {
      for (const one of statements) this.#tidy(one)
    }
  }

  /** Runs what may also be left undone: it fails when another process is at work, which will do it then. */
  #tidy(sql: string): void {
    try {
      this.#writer.exec(sql)
    } catch {
      // Whoever is at work does it.
    }
  }

  #inside(scope: TransactionScope): SqliteAccess {
    const run = <R>(work: () => R | Promise<R>, options: CallOptions = {}): Promise<R> =>
      scope.turns.run(async () => {
        options.signal?.throwIfAborted()
        if (!scope.open) throw misuse('This transaction has ended: begin another one')
        this.#checkAlive()
        try {
          return await work()
        } catch (error) {
          throw convertError(error, this.path)
        }
      })
    const writer = this.#writer
    return {
      isLarge: async () => false,
      read: (work, options) => run(() => work(writer), options),
      scan: (sql, values, options) => run(() => writer.prepare(sql).all(...values), options),
      scanIds: (sql, values, options) => run(() => writer.ids(sql, values), options),
      change: (sql, values, options) => run(() => changed(writer, sql, values), options),
      write: (work, options) => run(() => writer.unit(() => work(writer)), options),
      writeInSteps: (work, options) =>
        run(() => writer.unitInSteps(() => inSteps(work(writer))), options),
    }
  }

  async #patiently<R>(work: () => R, options: CallOptions): Promise<R> {
    try {
      return await whileBusy(work, this.#busyTimeoutMs, options.signal)
    } catch (error) {
      throw convertError(error, this.path)
    }
  }

  #repository<T extends object, I>(collection: Collection<T, I>, access: SqliteAccess) {
    const table = this.#tables.get(collection.name)
    if (table === undefined) {
      throw misuse(`Collection '${collection.name}' is not ready: give it to init first`)
    }
    return new SqliteRepository(collection, table, access)
  }

  #check({ signal }: CallOptions): void {
    if (this.#closing !== undefined) {
      throw new MindtraceError(
        'UNAVAILABLE',
        `SQLite database '${this.path}' is closed: open it again`,
        {
          details: { path: this.path },
        },
      )
    }
    signal?.throwIfAborted()
    // It would wait for the transaction that waits for it.
    if (this.#scopes.getStore()?.open) {
      throw misuse(
        'A transaction is open here: use the handle that it was given, and no second transaction',
      )
    }
  }

  /** Another process may run a newer version, which has brought the file to a form that this one would spoil. */
  #checkForm(): void {
    const form = formOf(this.#writer)
    if (form > migrations.length) throw newerForm(this.path, form, migrations.length)
  }

  #checkFormNowAndThen(): void {
    const now = performance.now()
    if (now - this.#formSeenAt < formEveryMs) return
    this.#formSeenAt = now
    this.#checkForm()
  }

  #checkAlive(): void {
    if (this.#writer.inTransaction) return
    throw misuse(
      'This transaction was rolled back after an earlier error: let that error leave the work',
    )
  }
}

/** For the threads too, which have seen no queries that would tell them what to look at. */
const optimize = 'PRAGMA optimize = 0x10002'

/** Runs work step by step, leaving the event loop to others whenever it has had it for {@link stepMs}. */
async function inSteps<R>(work: Generator<void, R>): Promise<R> {
  for (let since = performance.now(); ; ) {
    const step = work.next()
    if (step.done === true) return step.value
    if (performance.now() - since < stepMs) continue
    await nextTick()
    since = performance.now()
  }
}

/** Whether statements were made for a schema that another process has changed since. */
function isOutdated(error: unknown): boolean {
  return /already exists|no such (table|index|trigger)/.test(errorMessage(error))
}

function changed(writer: SqliteConnection, sql: string, values: SqlCondition['values']): Changed {
  const since = performance.now()
  const { changes } = writer.prepare(sql).run(...values)
  return { rows: Number(changes), tookMs: performance.now() - since }
}

function fileBytes(connection: SqliteConnection): number {
  const sql = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size'
  return Number(connection.prepare(sql).get()?.bytes)
}

function misuse(text: string): MindtraceError {
  return new MindtraceError('INTERNAL', text)
}
