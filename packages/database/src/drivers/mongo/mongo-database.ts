import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type CallOptions,
  errorMessage,
  type Logger,
  MindtraceError,
  Mutex,
  silentLogger,
} from '@mindtrace/core'
import mongoose from 'mongoose'
import type { Collection } from '../../collection.ts'
import type { Database, Repositories } from '../../database.ts'
import type { Repository } from '../../repository.ts'
import { clientOptions, databaseNameOf } from './mongo-address.ts'
import { CollectionInMongo } from './mongo-collection.ts'
import { convertError, convertOpeningError, isFromMongo, isTransient } from './mongo-errors.ts'
import { MongoPool } from './mongo-pool.ts'
import { type MongoAccess, MongoRepository } from './mongo-repository.ts'
import { endHeldWrites, mendCommit, withNetworkErrors } from './mongo-sockets.ts'
import { ObjectIdMinter } from './object-id-minter.ts'

/** What {@link openMongoDatabase} takes. */
export interface MongoOptions extends CallOptions {
  /** `mongodb://…/NAME` or `mongodb+srv://…/NAME`, with any option of MongoDB's own. */
  readonly url: string
  /** The database's name, over that in the address. */
  readonly name?: string | undefined
  /** How long to look for a server that can be used, before `UNAVAILABLE`. Default: 5000. */
  readonly selectionTimeoutMs?: number | undefined
  /** How long one connection may take to be made. Default: 5000. */
  readonly connectTimeoutMs?: number | undefined
  /** The most connections. Default: 100, or what the address says. */
  readonly maxPoolSize?: number | undefined
  /** Connections that are kept open. Default: 0, or what the address says. */
  readonly minPoolSize?: number | undefined
  /** How the server's log calls us. Default: `mindtrace`. */
  readonly appName?: string | undefined
  /** Told of documents and indexes of other programs that do not fit. Default: nobody is. */
  readonly log?: Logger | undefined
}

/**
 * Opens a lake's records in a MongoDB database, which the Python reference may use at the same time.
 * Transactions need a replica set or a sharded cluster.
 *
 * @throws {@link MindtraceError} `UNAVAILABLE` when no server answers in time or it refuses access,
 *   `INVALID_INPUT` when the address is none or names no database.
 */
export async function openMongoDatabase(options: MongoOptions): Promise<Database> {
  options.signal?.throwIfAborted()
  const name = databaseNameOf(options.url, options.name)
  const log = options.log ?? silentLogger
  const client = newClient(options.url, clientOptions(options, name))
  const pool = new MongoPool(client)
  const connection = new mongoose.Mongoose({ bufferCommands: false }).createConnection()
  // Without a listener an error between two calls would end the process; the next call throws it.
  connection.on('error', (error) =>
    log.warn({ database: name, error }, 'MongoDB connection failed'),
  )
  try {
    await client.connect()
    connection.setClient(client)
    const hello = await client.db(name).command({ hello: 1 })
    options.signal?.throwIfAborted()
    const transactional = hello.setName !== undefined || hello.msg === 'isdbgrid'
    return new OpenMongoDatabase(connection, { name, transactional, log, pool })
  } catch (error) {
    await client.close()
    throw convertOpeningError(error, name)
  }
}

/** A client of our own: Mongoose would copy its options, see `fieldsAsRaw` there. */
function newClient(url: string, options: mongoose.mongo.MongoClientOptions) {
  try {
    const client = new mongoose.mongo.MongoClient(url, options)
    endHeldWrites(client)
    return client
  } catch (error) {
    // Not as the cause: it may quote the address, and so its password.
    throw new MindtraceError(
      'INVALID_INPUT',
      `this is no address of a MongoDB database (${errorMessage(error).replaceAll(url, 'the address')}): write mongodb://HOST/NAME`,
    )
  }
}

/** One `transaction` call, as calls within it see it. */
interface TransactionScope {
  open: boolean
  /** A failed write, after which the server has given the transaction up. */
  failure: unknown
  readonly session: mongoose.mongo.ClientSession | undefined
}

/** Groups of one large look-up that are read beside each other. */
const readsAtOnce = 3

class OpenMongoDatabase implements Database {
  readonly transactional: boolean
  readonly #connection: mongoose.Connection
  readonly #name: string
  readonly #log: Logger
  readonly #pool: MongoPool
  readonly #minter = new ObjectIdMinter()
  readonly #scopes = new AsyncLocalStorage<TransactionScope>()
  readonly #collections = new Map<string, CollectionInMongo>()
  /** Where the server has no transactions: those of this process do not mix, at least. */
  readonly #turns = new Mutex()
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(
    connection: mongoose.Connection,
    parts: {
      readonly name: string
      readonly transactional: boolean
      readonly log: Logger
      readonly pool: MongoPool
    },
  ) {
    this.#connection = connection
    this.#name = parts.name
    this.transactional = parts.transactional
    this.#log = parts.log
    this.#pool = parts.pool
  }

  readonly #outside: MongoAccess = {
    parallel: readsAtOnce,
    run: (work, options) => this.#run(() => withNetworkErrors(work(undefined)), options),
    unit: (work, options) =>
      this.transactional
        ? this.#run(
            () => this.#inSession((own) => withNetworkErrors(work(own), own), options),
            options,
          )
        : this.#run(() => withNetworkErrors(work(undefined)), options),
  }

  repository<T extends object, I>(collection: Collection<T, I>): Repository<T, I> {
    return this.#repository(collection, this.#outside)
  }

  async init(collections: readonly Collection[], options: CallOptions = {}): Promise<void> {
    await this.#run(async () => {
      const opened = collections.map(
        (collection) =>
          new CollectionInMongo(collection, this.#connection, this.#minter, this.#log),
      )
      await Promise.all(opened.map((one) => one.createIndexes()))
      for (const one of opened) this.#collections.set(one.collection.name, one)
    }, options)
  }

  async transaction<R>(
    work: (tx: Repositories) => Promise<R>,
    options: CallOptions = {},
  ): Promise<R> {
    const once = (session: mongoose.mongo.ClientSession | undefined) =>
      this.#once(work, session, options)
    return this.#run(
      () =>
        this.transactional
          ? this.#inSession(once, options)
          : this.#turns.run(() => once(undefined)),
      options,
    )
  }

  async ping(options: CallOptions = {}): Promise<void> {
    const database = this.#connection.getClient().db(this.#name)
    await this.#run(() => withNetworkErrors(database.command({ ping: 1 })), options)
  }

  load() {
    return this.#pool.load()
  }

  async check(options: CallOptions = {}): Promise<readonly string[]> {
    const findings: string[] = []
    for (const collection of this.#collections.values()) {
      await this.#run(() => collection.check(findings, options.signal), options)
    }
    return findings
  }

  async drop(options: CallOptions = {}): Promise<void> {
    await this.#run(async () => {
      for (const { native } of this.#collections.values()) await native.deleteMany({})
    }, options)
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => this.#connection.close())
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Runs what uses the database outside a transaction. */
  async #run<R>(work: () => Promise<R>, options: CallOptions = {}): Promise<R> {
    this.#check(options)
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } catch (error) {
      throw convertError(error, this.#name)
    } finally {
      this.#underWay.delete(running)
    }
  }

  /** Runs work in a transaction, again after a failure that passes. */
  async #inSession<R>(
    work: (session: mongoose.mongo.ClientSession) => Promise<R>,
    { signal }: CallOptions = {},
  ): Promise<R> {
    const session = this.#connection.getClient().startSession()
    mendCommit(session)
    try {
      return await session.withTransaction(async () => {
        signal?.throwIfAborted()
        try {
          return await work(session)
        } catch (error) {
          // The session runs the work again when it sees the server's own error.
          throw transientCause(error) ?? error
        }
      })
    } finally {
      await session.endSession()
    }
  }

  async #once<R>(
    work: (tx: Repositories) => Promise<R>,
    session: mongoose.mongo.ClientSession | undefined,
    { signal }: CallOptions,
  ): Promise<R> {
    const scope: TransactionScope = { open: true, failure: undefined, session }
    const access = this.#inside(scope)
    const handle = {
      repository: <T extends object, I>(collection: Collection<T, I>) =>
        this.#repository(collection, access),
    }
    try {
      const result = await this.#scopes.run(scope, () => work(handle))
      signal?.throwIfAborted()
      if (scope.failure !== undefined) throw swallowed(scope.failure)
      return result
    } finally {
      scope.open = false
    }
  }

  #inside(scope: TransactionScope): MongoAccess {
    const run: MongoAccess['run'] = async (work, options = {}) => {
      options.signal?.throwIfAborted()
      if (!scope.open) throw misuse('This transaction has ended: begin another one')
      if (scope.failure !== undefined) throw swallowed(scope.failure)
      try {
        return await withNetworkErrors(work(scope.session), scope.session)
      } catch (error) {
        const converted = convertError(error, this.#name)
        if (scope.session !== undefined && isFromMongo(error)) scope.failure = converted
        throw converted
      }
    }
    return { parallel: 1, run, unit: run }
  }

  #repository<T extends object, I>(collection: Collection<T, I>, access: MongoAccess) {
    const opened = this.#collections.get(collection.name)
    if (opened === undefined) {
      throw misuse(`Collection '${collection.name}' is not ready: give it to init first`)
    }
    return new MongoRepository(opened.as(collection), access)
  }

  #check({ signal }: CallOptions): void {
    if (this.#closing !== undefined) {
      throw new MindtraceError(
        'UNAVAILABLE',
        `MongoDB database '${this.#name}' is closed: open it again`,
        { details: { database: this.#name } },
      )
    }
    signal?.throwIfAborted()
    // Its writes would be no part of the transaction, and may wait for it.
    if (this.#scopes.getStore()?.open) {
      throw misuse(
        'A transaction is open here: use the handle that it was given, and no second transaction',
      )
    }
  }
}

function transientCause(error: unknown): unknown {
  for (let at = error; at instanceof Error; at = at.cause) if (isTransient(at)) return at
  return undefined
}

function swallowed(cause: unknown): MindtraceError {
  return new MindtraceError(
    'INTERNAL',
    'This transaction was rolled back after an earlier error: let that error leave the work',
    { cause },
  )
}

function misuse(text: string): MindtraceError {
  return new MindtraceError('INTERNAL', text)
}
