import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type CallOptions, errorMessage, MindtraceError } from '@mindtrace/core'
import type { Collection } from '../../collection.ts'
import type { Database, Repositories } from '../../database.ts'
import type { Repository } from '../../repository.ts'
import { Checkpointer } from './checkpointer.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { convertError, isBusy } from './sqlite-errors.ts'
import { type SqliteAccess, SqliteRepository } from './sqlite-repository.ts'
import { claimFile, createMissing, isComplete, recreateAll, Table } from './sqlite-schema.ts'
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
  /** A size that the file may not outgrow; then writes throw `STORAGE_FULL`. Default: none. */
  readonly maxFileBytes?: number | undefined
}

/** A {@link Database} in a SQLite file, and what only a file can do. */
export interface SqliteDatabase extends Database {
  /** The absolute path of the file, or `:memory:`. */
  readonly path: string
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
    const cacheKiB = Math.round((options.cacheMiB ?? 16) * 1024)
    for (const connection of new Set([writer, reader])) {
      connection.exec(
        `PRAGMA cache_size = -${cacheKiB}; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = ${checkpointPages}`,
      )
    }
    writer.exec(
      `PRAGMA synchronous = ${options.synchronous ?? 'normal'}; PRAGMA foreign_keys = ON; PRAGMA analysis_limit = 400; PRAGMA journal_size_limit = 67108864`,
    )
    if (options.maxFileBytes !== undefined) {
      const pageBytes = Number(writer.pragma('page_size'))
      writer.pragma(`max_page_count = ${Math.ceil(options.maxFileBytes / pageBytes)}`)
    }
    return new OpenSqliteDatabase(path, writer, reader, busyTimeoutMs)
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

/**
 * 64 MB: above it the writer empties the log by itself, which is quick when the {@link Checkpointer} has copied
 * most of it, and needed, since a log is begun anew only when nobody writes to it meanwhile.
 */
const checkpointPages = 16_384
const changesPerOptimize = 20_000

/** One `transaction` call, as calls within it see it. */
interface TransactionScope {
  open: boolean
}

class OpenSqliteDatabase implements SqliteDatabase {
  readonly path: string
  readonly transactional = true
  readonly #writer: SqliteConnection
  readonly #reader: SqliteConnection
  readonly #busyTimeoutMs: number
  readonly #queue = new WriterQueue()
  readonly #checkpointer: Checkpointer | undefined
  readonly #scopes = new AsyncLocalStorage<TransactionScope>()
  readonly #tables = new Map<string, Table>()
  #openScope: TransactionScope | undefined
  #optimizedAt = 0
  #closing: Promise<void> | undefined

  constructor(
    path: string,
    writer: SqliteConnection,
    reader: SqliteConnection,
    busyTimeoutMs: number,
  ) {
    this.path = path
    this.#writer = writer
    this.#reader = reader
    this.#busyTimeoutMs = busyTimeoutMs
    this.#checkpointer = reader === writer ? undefined : new Checkpointer(path)
  }

  readonly #outside: SqliteAccess = {
    read: (work, options) => this.#read(work, options),
    write: (work, options) => this.#write(work, options),
    unit: (work, options) => this.#write((writer) => writer.unit(() => work(writer)), options),
  }

  repository<T extends object, I>(collection: Collection<T, I>): Repository<T, I> {
    return this.#repository(collection, this.#outside)
  }

  async init(collections: readonly Collection[], options: CallOptions = {}): Promise<void> {
    const tables = collections.map((collection) => new Table(collection))
    if (!(await this.#read((reader) => isComplete(reader, tables), options))) {
      await this.#outside.unit((writer) => createMissing(writer, tables), options)
    }
    for (const table of tables) this.#tables.set(table.collection.name, table)
  }

  async transaction<R>(
    work: (tx: Repositories) => Promise<R>,
    options: CallOptions = {},
  ): Promise<R> {
    this.#check(options)
    return this.#queue.run(async () => {
      const scope: TransactionScope = { open: true }
      await this.#patiently(() => this.#writer.prepare('BEGIN IMMEDIATE').run(), options)
      this.#openScope = scope
      try {
        const access = this.#inside(scope)
        const handle = {
          repository: <T extends object, I>(c: Collection<T, I>) => this.#repository(c, access),
        }
        const result = await this.#scopes.run(scope, () => work(handle))
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

  async ping(options: CallOptions = {}): Promise<void> {
    await this.#read((reader) => reader.prepare('SELECT 1').get(), options)
  }

  async drop(options: CallOptions = {}): Promise<void> {
    await this.#outside.unit((writer) => recreateAll(writer), options)
  }

  async check(options: CallOptions = {}): Promise<readonly string[]> {
    const rows = await this.#read(
      (reader) => reader.prepare('PRAGMA integrity_check').all(),
      options,
    )
    const findings = rows.map((row) => String(Object.values(row)[0]))
    return findings.filter((finding) => finding !== 'ok')
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.run(async () => {
      await this.#checkpointer?.close()
      this.#tidy('PRAGMA optimize')
      this.#tidy('PRAGMA wal_checkpoint(TRUNCATE)')
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
      return work(this.#reader)
    } catch (error) {
      // Readers of a file wait for nobody, but for moments when the last process closes it or the first recovers it.
      if (isBusy(error)) return patiently()
      throw convertError(error, this.path)
    }
  }

  async #write<R>(
    work: (connection: SqliteConnection) => R,
    options: CallOptions = {},
  ): Promise<R> {
    this.#check(options)
    return this.#queue.run(async () => {
      const result = await this.#patiently(() => work(this.#writer), options)
      this.#afterWrite()
      return result
    }, options.signal)
  }

  /** Keeps the log short, and the planner's knowledge of the tables fresh while they grow. */
  #afterWrite(): void {
    this.#checkpointer?.afterWrite()
    const changes = Number(this.#writer.prepare('SELECT total_changes() AS n').get()?.n)
    if (changes - this.#optimizedAt < changesPerOptimize) return
    this.#optimizedAt = changes
    this.#tidy('PRAGMA optimize')
  }

  /** Runs what may also be left undone: it fails when another process is at work, which will do it then. */
  #tidy(sql: string): void {
    try {
      this.#writer.exec(sql)
    } catch {}
  }

  #inside(scope: TransactionScope): SqliteAccess {
    const run = async <R>(work: () => R, options: CallOptions = {}): Promise<R> => {
      options.signal?.throwIfAborted()
      if (!scope.open) throw misuse('This transaction has ended: begin another one')
      this.#checkAlive()
      try {
        return work()
      } catch (error) {
        throw convertError(error, this.path)
      }
    }
    return {
      read: (work, options) => run(() => work(this.#writer), options),
      write: (work, options) => run(() => work(this.#writer), options),
      unit: (work, options) => run(() => this.#writer.unit(() => work(this.#writer)), options),
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

  #checkAlive(): void {
    if (this.#writer.inTransaction) return
    throw misuse(
      'This transaction was rolled back after an earlier error: let that error leave the work',
    )
  }
}

function misuse(text: string): MindtraceError {
  return new MindtraceError('INTERNAL', text)
}
