import { errorMessage, isMindtraceError, type Logger } from '@mindtrace/core'
import type mongoose from 'mongoose'
import type { Collection, Index, Stored } from '../../collection.ts'
import { DocumentCodec } from './document-codec.ts'
import { DocumentReader } from './document-reader.ts'
import { type Hold, hold, holdsCollection } from './mongo-holds.ts'
import { createMissing, type UniqueIndexes } from './mongo-indexes.ts'
import { mongooseSchemaOf } from './mongo-schema.ts'
import type { ObjectIdMinter } from './object-id-minter.ts'
import { SharedReads } from './shared-reads.ts'

type Row = Record<string, unknown>

/** What the driver knows of one collection in one database. */
export class CollectionInMongo<T extends object = object, I = unknown> {
  readonly collection: Collection<T, I>
  /** The collection itself: BSON types that Mongoose's casts would lose pass through it. */
  readonly native: mongoose.mongo.Collection
  readonly codec: DocumentCodec
  readonly minter: ObjectIdMinter
  /** Reads by key, outside transactions. */
  readonly reads: SharedReads
  readonly #reader: DocumentReader
  readonly #connection: mongoose.Connection
  readonly #log: Logger
  #model: mongoose.Model<Row> | undefined
  #unique: UniqueIndexes = { byName: () => undefined, broken: [] }

  constructor(
    collection: Collection<T, I>,
    connection: mongoose.Connection,
    minter: ObjectIdMinter,
    log: Logger,
  ) {
    this.collection = collection
    this.#connection = connection
    this.minter = minter
    this.#log = log
    this.native = connection.collection(collection.name) as unknown as mongoose.mongo.Collection
    this.codec = new DocumentCodec(collection)
    this.#reader = new DocumentReader(collection)
    const { key } = collection
    this.reads = new SharedReads(key, (keys) => {
      const [only] = keys
      return this.native.find({ [key]: keys.length === 1 ? only : { $in: keys } }).toArray()
    })
  }

  /** Mongoose's model, made when it is asked for: all of them would take a tenth of a start. */
  get model(): mongoose.Model<Row> {
    const { name } = this.collection
    this.#model ??= this.#connection.model<Row>(
      name,
      mongooseSchemaOf(this.collection) as mongoose.Schema<Row>,
      name,
      { overwriteModels: true },
    )
    return this.#model
  }

  /** Unique indexes that stored documents break, so that the server guards new documents only. */
  get brokenIndexes(): readonly Index[] {
    return this.#unique.broken
  }

  /** The same place, for another declaration of the collection's documents. */
  as<U extends object, J>(collection: Collection<U, J>): CollectionInMongo<U, J> {
    if ((collection as unknown) === this.collection) {
      return this as unknown as CollectionInMongo<U, J>
    }
    const other = new CollectionInMongo(collection, this.#connection, this.minter, this.#log)
    other.#unique = this.#unique
    return other
  }

  /** Creates what is missing of the indexes. */
  async createIndexes(): Promise<void> {
    const { native, minter } = this
    this.#unique = await createMissing(native, this.collection, minter.next(), this.#log)
  }

  /** In a transaction: lets those documents not be deleted by another one before its end. */
  async hold(
    keys: readonly string[],
    session: mongoose.mongo.ClientSession | undefined,
  ): Promise<void> {
    if (session === undefined) return
    const holds = this.#connection
      .getClient()
      .db(this.#connection.name)
      .collection<Hold>(holdsCollection)
    await hold(holds, this.collection.name, keys, session)
  }

  /** The declared unique index that the server calls by that name. */
  uniqueIndex(name: string): Index | undefined {
    return this.#unique.byName(name)
  }

  /**
   * A stored document as it is in code.
   *
   * @throws {@link MindtraceError} `CORRUPT` when it does not fit the schema.
   */
  read<F extends keyof T>(row: Row, fields?: readonly string[]): Stored<Pick<T, F>> {
    const document =
      this.#reader.read(row, fields) ?? this.collection.accept(this.codec.decode(row), fields)
    return document as Stored<Pick<T, F>>
  }

  /** {@link CollectionInMongo.read} for one of many: what does not fit is reported and undefined. */
  readable<F extends keyof T>(
    row: Row,
    fields?: readonly string[],
  ): Stored<Pick<T, F>> | undefined {
    try {
      return this.read<F>(row, fields)
    } catch (error) {
      if (!isMindtraceError(error, 'CORRUPT')) throw error
      this.#log.warn({ ...error.details }, error.message)
      return undefined
    }
  }

  /** Reads every document and adds what is wrong to `findings`. */
  async check(findings: string[], signal?: AbortSignal | undefined): Promise<void> {
    for await (const row of this.native.find({}, { sort: { _id: 1 } })) {
      signal?.throwIfAborted()
      try {
        this.read(row)
      } catch (error) {
        findings.push(errorMessage(error))
      }
    }
    for (const index of this.brokenIndexes) {
      const paths = index.fields.map(({ path }) => path.text)
      const repeated = this.native.aggregate([
        { $group: { _id: paths.map((path) => `$${path}`), n: { $sum: 1 } } },
        { $match: { n: { $gt: 1 } } },
        { $limit: 1000 },
      ])
      for await (const { _id, n } of repeated) {
        findings.push(
          `'${this.collection.name}' has ${n} documents with ${paths.join(', ')} ${JSON.stringify(_id)}, which '${index.name}' allows once`,
        )
      }
    }
  }
}
