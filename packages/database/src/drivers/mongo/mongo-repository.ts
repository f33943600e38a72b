import {
  abortable,
  type CallOptions,
  isMindtraceError,
  type MindtraceError,
  mapBounded,
} from '@mindtrace/core'
import mongoose from 'mongoose'
import { type Change, type ParsedChange, parseChange } from '../../change.ts'
import { type Collection, type Index, maxDocumentBytes, type Stored } from '../../collection.ts'
import {
  type FindPlan,
  type Keyset,
  keysetOfFields,
  parseSort,
  planFind,
  type Sort,
  unimplied,
} from '../../page.ts'
import type { Scalar } from '../../paths.ts'
import type {
  Duplicate,
  FilterInput,
  FindOptions,
  HoldOptions,
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
import type { CollectionInMongo } from './mongo-collection.ts'
import {
  brokenUniqueIndex,
  isLostCursor,
  retryInTransaction,
  writeErrorsOf,
} from './mongo-errors.ts'
import { allOf, type MongoFilter, mongoFilter, mongoSort } from './mongo-filter.ts'
import { mongoUpdate } from './mongo-update.ts'
import { hasSameValues, TakenValues } from './taken-values.ts'

type Row = Record<string, unknown>
type Session = mongoose.mongo.ClientSession | undefined

/** The way to the server: by itself, or within a transaction. */
export interface MongoAccess {
  /** Runs work with one write, or reads. */
  run<R>(work: (session: Session) => Promise<R>, options?: CallOptions): Promise<R>
  /** How many reads may be under way at once: one within a transaction. */
  readonly parallel: number
  /** Runs work with several writes, all or none of them where the deployment has transactions. */
  unit<R>(work: (session: Session) => Promise<R>, options?: CallOptions): Promise<R>
}

/** A document that is ready to be written. */
interface Prepared<T> {
  readonly document: T
  readonly key: string
  readonly row: Row & { readonly _id: mongoose.mongo.ObjectId }
}

const groupSize = 1000
/** One query takes so many keys: with the longest ones it is still a small part of the largest message. */
const maxKeysAtOnce = 5000
const defaultBatchSize = 500
const maxUpsertAttempts = 5

/**
 * Documents of one collection. They lie as the Python reference writes them: declared fields in the order of the
 * schema, explicit nulls, dates, an ObjectId. Changes name fields, so what others add to a document stays.
 */
export class MongoRepository<T extends object, I> implements Repository<T, I> {
  readonly #collection: Collection<T, I>
  readonly #at: CollectionInMongo<T, I>
  readonly #access: MongoAccess

  constructor(at: CollectionInMongo<T, I>, access: MongoAccess) {
    this.#collection = at.collection
    this.#at = at
    this.#access = access
  }

  async insert(input: I, options?: CallOptions): Promise<Stored<T>> {
    const prepared = this.#prepare(input)
    return this.#access.run(async (session) => {
      await this.#refuseBroken(prepared.document, prepared.key, session)
      try {
        await this.#at.native.insertOne(prepared.row, { ...in_(session) })
      } catch (error) {
        const index = await this.#brokenBy(prepared, error)
        throw index === undefined ? error : this.#duplicate(index, prepared.document, error)
      }
      return stored(prepared)
    }, options)
  }

  async insertMany(inputs: readonly I[], options?: CallOptions) {
    const inserted: Stored<T>[] = []
    const duplicates: Duplicate[] = []
    for (const { group, from } of this.#groups(inputs)) {
      const refused = await this.#access.run(
        (session) => this.#insertGroup(group, session),
        options,
      )
      for (const [at, prepared] of group.entries()) {
        const index = refused.get(prepared)
        if (index === undefined) inserted.push(stored(prepared))
        else duplicates.push(this.#duplicateAt(from + at, index, prepared.document))
      }
    }
    return { inserted, duplicates }
  }

  async upsertMany(inputs: readonly I[], options?: CallOptions) {
    let created = 0
    for (const { group } of this.#groups(inputs)) {
      const last = [...new Map(group.map((prepared) => [prepared.key, prepared])).values()]
      created += await this.#access.unit((session) => this.#upsertGroup(last, session), options)
    }
    return { created, updated: inputs.length - created }
  }

  async get<F extends keyof T = keyof T>(key: string, options: ReadOptions<F> = {}) {
    const { projection, names } = this.#selection(options.fields)
    const row = this.#isShared(options)
      ? await this.#sharedRow(key, options)
      : await this.#access.run(
          (session) =>
            this.#at.native.findOne(this.#byKey(key), {
              ...given({ projection }),
              ...in_(session),
            }),
          options,
        )
    if (row == null) throw notFound(this.#collection, key)
    return this.#at.read<F>(row as Row, names)
  }

  async getMany<F extends keyof T = keyof T>(
    keys: readonly string[],
    options: HoldOptions<F> = {},
  ) {
    const found = new Map<string, Stored<Pick<T, F>>>()
    const distinct = [...new Set(keys)]
    const [only] = distinct
    if (distinct.length === 1 && only !== undefined && this.#isShared(options)) {
      const row = await this.#sharedRow(only, options)
      const document = row && this.#at.readable<F>(row)
      return document === undefined ? found : found.set(only, document)
    }
    if (options.hold && distinct.length > 0) {
      await this.#access.run((session) => this.#at.hold(distinct, session), options)
    }
    const { parallel } = this.#access
    const size = parallel > 1 ? groupSize : maxKeysAtOnce
    const groups: string[][] = []
    for (let from = 0; from < distinct.length; from += size) {
      groups.push(distinct.slice(from, from + size))
    }
    // The server looks up one group while another is decoded here.
    const read = await mapBounded(groups, parallel, (group) => {
      const query = { filter: { [this.#collection.key]: { $in: group } }, sort: undefined }
      return this.#access.run(
        (session) => this.#read<F>(query, options.fields, undefined, session),
        options,
      )
    })
    for (const document of read.flat()) {
      const key = this.#collection.keyOf(document)
      // Two documents of another program may have one key: the first is the one, as everywhere.
      if (!found.has(key)) found.set(key, document)
    }
    return found
  }

  async findOne<F extends keyof T = keyof T>(filter: FilterInput, options: ReadOptions<F> = {}) {
    const [first] = await this.find(filter, { ...options, limit: 1 })
    return first
  }

  async find<F extends keyof T = keyof T>(filter: FilterInput, options: FindOptions<F> = {}) {
    const query = queryOf(planFind(this.#collection, filter, options))
    const limit = checkedLimit('limit', options.limit)
    return this.#access.run(
      (session) => this.#read<F>(query, options.fields, limit, session),
      options,
    )
  }

  /** One cursor; where it is lost, as when the primary changes, another one that goes on behind the last document. */
  async *stream<F extends keyof T = keyof T>(filter: FilterInput, options: StreamOptions<F> = {}) {
    const batchSize = checkedLimit('batchSize', options.batchSize) ?? defaultBatchSize
    const place = new StreamPlace(this.#collection, options.sort ?? [])
    const fields = options.fields && ([...options.fields, ...place.fields] as F[])
    const { projection, names } = this.#selection(fields)
    const surplus = place.fields.filter(
      (name) =>
        options.fields && name !== this.#collection.key && !options.fields.includes(name as F),
    )
    for (let lost: unknown; ; ) {
      const { filter: where, sort } = place.query(filter)
      const cursor = await this.#access.run(
        async (session) =>
          this.#at.native.find(where, {
            batchSize,
            ...given({ projection, sort }),
            ...in_(session),
          }),
        options,
      )
      try {
        for (;;) {
          const rows = await this.#access.run(() => nextRows(cursor), options)
          if (rows.length === 0) return
          for (const row of rows) {
            options.signal?.throwIfAborted()
            const document = this.#at.readable<F>(row, names)
            if (document === undefined) continue
            place.pass(document)
            lost = undefined
            for (const name of surplus) Reflect.deleteProperty(document, name)
            yield document
          }
        }
      } catch (error) {
        // Lost twice at one place: there is no getting on.
        if (lost !== undefined || !isLostCursor(causeOf(error))) throw error
        lost = error
      } finally {
        await cursor.close().catch(() => undefined)
      }
    }
  }

  async count(filter: FilterInput = {}, options?: CallOptions): Promise<number> {
    const where = this.#where(filter)
    // Without a filter the server would read the documents; their `_id`s are half the work.
    const by = Object.keys(where).length === 0 ? { hint: { _id: 1 as const } } : {}
    return this.#access.run(
      (session) => this.#at.native.countDocuments(where, { ...by, ...in_(session) }),
      options,
    )
  }

  async countBy(path: string, filter: FilterInput = {}, options?: CallOptions) {
    const where = this.#where(filter)
    const by = countable(this.#collection.path(path))
    const groups = await this.#group(where, `$${by.text}`, 1, options)
    const counts = new Map<Scalar, number>()
    for (const { _id, n } of groups) {
      const value = countedValue(_id)
      counts.set(value, (counts.get(value) ?? 0) + Number(n))
    }
    return counts
  }

  async sum(path: string, filter: FilterInput = {}, options?: CallOptions): Promise<number> {
    const where = this.#where(filter)
    const of = summable(this.#collection.path(path))
    const [all] = await this.#group(where, null, `$${of.text}`, options)
    return Number(all?.n ?? 0)
  }

  async exists(filter: FilterInput, options?: CallOptions): Promise<boolean> {
    const where = this.#where(filter)
    const found = await this.#access.run(
      (session) => this.#at.native.findOne(where, { projection: { _id: 1 }, ...in_(session) }),
      options,
    )
    return found !== null
  }

  async update(
    key: string,
    change: Change<T>,
    options: CallOptions & { readonly if?: FilterInput | undefined } = {},
  ): Promise<Stored<T>> {
    const parsed = parseChange(this.#collection, change)
    const filter = allOf([this.#byKey(key), this.#where(options.if ?? {})])
    return this.#access.run(async (session) => {
      if (this.#at.brokenIndexes.length > 0 && parsed.set.size > 0) {
        const before = (await this.#before([key], session)).get(key)
        const after = { ...before, ...Object.fromEntries(parsed.set) }
        if (before !== undefined) await this.#refuseBroken(after, key, session, before)
      }
      const row = await this.#change(filter, parsed, { key, session })
      if (row !== undefined) return this.#at.read<keyof T>(row)
      const there = await this.#at.native.findOne(this.#byKey(key), {
        projection: { _id: 1 },
        ...in_(session),
      })
      throw there === null ? notFound(this.#collection, key) : conflict(this.#collection, key)
    }, options)
  }

  async claim(
    filter: FilterInput,
    change: Change<T>,
    options: CallOptions & { readonly sort: Sort; readonly limit: number },
  ): Promise<Stored<T>[]> {
    const parsed = parseChange(this.#collection, change)
    const query = queryOf(planFind(this.#collection, filter, { sort: options.sort }))
    const limit = checkedLimit('limit', options.limit) ?? 0
    const claimed: Stored<T>[] = []
    const taken: mongoose.mongo.ObjectId[] = []
    while (taken.length < limit) {
      const others = allOf([query.filter, taken.length === 0 ? {} : { _id: { $nin: taken } }])
      const row = await this.#access.run(
        (session) => this.#change(others, parsed, { sort: query.sort, session }),
        options,
      )
      if (row === undefined) break
      taken.push(row._id as mongoose.mongo.ObjectId)
      const document = this.#at.readable<keyof T>(row)
      if (document !== undefined) claimed.push(document)
    }
    return claimed
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    const { deletedCount } = await this.#access.run(async (session) => {
      await this.#at.hold([key], session)
      return this.#at.native.deleteOne(this.#byKey(key), { ...in_(session) })
    }, options)
    if (deletedCount === 0) throw notFound(this.#collection, key)
  }

  async deleteMany(filter: FilterInput, options?: CallOptions): Promise<number> {
    const where = this.#where(filter)
    const { deletedCount } = await this.#access.run(
      (session) => this.#at.native.deleteMany(where, { ...in_(session) }),
      options,
    )
    return deletedCount
  }

  /** For each value of `by`, the sum `n` of what is added for each document. */
  async #group(
    where: MongoFilter,
    by: string | null,
    added: string | 1,
    options: CallOptions | undefined,
  ): Promise<Row[]> {
    const pipeline = [{ $match: where }, { $group: { _id: by, n: { $sum: added } } }]
    return this.#access.run(
      (session) => this.#at.native.aggregate<Row>(pipeline, { ...in_(session) }).toArray(),
      options,
    )
  }

  #byKey(key: string): MongoFilter {
    return { [this.#collection.key]: { $eq: key } }
  }

  #where(filter: FilterInput): MongoFilter {
    return mongoFilter(planFind(this.#collection, filter, {}).conditions)
  }

  #prepare(input: I): Prepared<T> {
    const document = this.#collection.parse(input)
    const key = this.#collection.keyOf(document)
    const row = { _id: this.#at.minter.next(), ...this.#at.codec.encode(document) }
    const bytes = mongoose.mongo.BSON.calculateObjectSize(row)
    if (bytes > maxDocumentBytes) throw tooLarge(this.#collection, key, bytes)
    return { document, key, row }
  }

  /** Checks all documents, then gives them in groups. */
  *#groups(inputs: readonly I[]) {
    const prepared = inputs.map((input) => this.#prepare(input))
    for (let from = 0; from < prepared.length; from += groupSize) {
      yield { group: prepared.slice(from, from + groupSize), from }
    }
  }

  /** Writes the new ones of a group; gives those that were refused with the index that refuses them. */
  async #insertGroup(
    group: readonly Prepared<T>[],
    session: Session,
  ): Promise<ReadonlyMap<Prepared<T>, Index>> {
    // A refused write would end a transaction, so there what exists is read first.
    const guarded =
      session === undefined ? this.#at.brokenIndexes : this.#collection.indexes.filter(isUnique)
    const refused = new Map<Prepared<T>, Index>()
    if (guarded.length > 0) {
      const taken = new TakenValues(this.#at, guarded)
      await taken.read(
        group.map(({ document }) => document),
        session,
      )
      for (const prepared of group) {
        const index = taken.take(prepared.document)
        if (index !== undefined) refused.set(prepared, index)
      }
    }
    const fresh = group.filter((prepared) => !refused.has(prepared))
    if (fresh.length === 0) return refused
    try {
      await this.#at.native.insertMany(
        fresh.map(({ row }) => row),
        { ordered: false, ...in_(session) },
      )
    } catch (error) {
      const failures = writeErrorsOf(error)
      if (failures === undefined || session !== undefined) throw retryInTransaction(error, session)
      const failed = new Set(failures.map(({ index }) => fresh[index]))
      const written = new Set(fresh.filter((one) => !failed.has(one)).map(({ key }) => key))
      for (const failure of failures) {
        const prepared = fresh[failure.index] as Prepared<T>
        const index = await this.#brokenBy(prepared, failure.error, written)
        if (index === undefined) throw failure.error
        refused.set(prepared, index)
      }
    }
    return refused
  }

  /** Writes a group of documents with different keys; gives how many are new. */
  async #upsertGroup(group: readonly Prepared<T>[], session: Session): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await this.#before(
        group.map(({ key }) => key),
        session,
      )
      for (const { document, key } of group) {
        await this.#refuseBroken(document, key, session, before.get(key))
      }
      const operations = group.map(({ key, row }): mongoose.mongo.AnyBulkWriteOperation => {
        if (!before.has(key)) return { insertOne: { document: row } }
        const { _id, ...fields } = row
        return { updateOne: { filter: this.#byKey(key), update: { $set: fields } } }
      })
      try {
        await this.#at.native.bulkWrite(operations, { ordered: true, ...in_(session) })
        return group.length - before.size
      } catch (error) {
        const [failure] = writeErrorsOf(error) ?? []
        const prepared = failure && group[failure.index]
        const name = brokenUniqueIndex(failure?.error)
        const index = name === undefined ? undefined : this.#at.uniqueIndex(name)
        if (prepared === undefined || index === undefined) throw error
        if (index !== this.#collection.indexes[0])
          throw this.#duplicate(index, prepared.document, error)
        // Another writer came between: now the document exists, and is replaced.
        if (session !== undefined || attempt === maxUpsertAttempts)
          throw retryInTransaction(error, session)
      }
    }
  }

  /** One find-and-modify: the document as it is afterwards, or undefined where none fits. */
  async #change(
    filter: MongoFilter,
    change: ParsedChange,
    options: {
      readonly key?: string
      readonly sort?: Record<string, 1 | -1> | undefined
      readonly session: Session
    },
  ): Promise<Row | undefined> {
    const update = mongoUpdate(change, this.#at.codec)
    const bytes = mongoose.mongo.BSON.calculateObjectSize(update)
    if (bytes > maxDocumentBytes) throw tooLarge(this.#collection, options.key ?? '', bytes)
    const row = await this.#at.native
      .findOneAndUpdate(filter, update, {
        returnDocument: 'after',
        ...(options.sort === undefined ? {} : { sort: options.sort }),
        ...in_(options.session),
      })
      .catch((error: unknown) => {
        const name = brokenUniqueIndex(error)
        const index = name === undefined ? undefined : this.#at.uniqueIndex(name)
        if (index === undefined) throw error
        throw this.#duplicate(index, Object.fromEntries(change.set), error)
      })
    return row ?? undefined
  }

  async #read<F extends keyof T>(
    { filter, sort }: MongoQuery,
    fields: readonly F[] | undefined,
    limit: number | undefined,
    session: Session,
  ): Promise<Stored<Pick<T, F>>[]> {
    const { projection, names } = this.#selection(fields)
    const documents: Stored<Pick<T, F>>[] = []
    for (let skip = 0; ; ) {
      const wanted = limit === undefined ? 0 : limit - documents.length
      const rows: Row[] = await this.#at.native
        .find(filter, {
          limit: wanted,
          // Else the first answer has 101 documents, and the others are a second round trip.
          batchSize: limit === undefined ? maxKeysAtOnce : wanted,
          ...given({ projection, sort }),
          ...(skip === 0 ? {} : { skip }),
          ...in_(session),
        })
        .toArray()
      const read = rows.length
      for (const row of rows) {
        const document = this.#at.readable<F>(row, names)
        if (document !== undefined) documents.push(document)
      }
      // A page is full also where documents that cannot be read were left out: it is not the last one.
      if (limit === undefined || documents.length === limit || read < wanted) return documents
      skip += read
    }
  }

  /** Whether a read by key is one of those that share queries: of whole documents, outside a transaction. */
  #isShared({ fields, hold }: HoldOptions<keyof T>): boolean {
    return fields === undefined && hold !== true && this.#access.parallel > 1
  }

  #sharedRow(key: string, options: CallOptions): Promise<Row | undefined> {
    return this.#access.run(() => abortable(this.#at.reads.row(key), options.signal), options)
  }

  /** What to read, and the fields that a document then has; both undefined for all. */
  #selection(fields: readonly (keyof T)[] | undefined) {
    if (fields === undefined) return { projection: undefined, names: undefined }
    const names = [...new Set([this.#collection.key, ...fields.map(String)])]
    return { projection: Object.fromEntries(names.map((name) => [name, 1 as const])), names }
  }

  /**
   * Refuses what the server lets pass, since documents of another program break the index themselves. Such a
   * document may still be changed in everything else: `before` is what is stored of it.
   */
  async #refuseBroken(
    document: object,
    key: string,
    session: Session,
    before?: Row | undefined,
  ): Promise<void> {
    const changed = this.#at.brokenIndexes.filter(
      (index) => before === undefined || !hasSameValues(index, before, document),
    )
    if (changed.length === 0) return
    const taken = new TakenValues(this.#at, changed)
    await taken.read([document], session, key)
    const index = taken.take(document)
    if (index !== undefined) throw this.#duplicate(index, document, undefined)
  }

  /** The stored documents with those keys: the key, and what {@link MongoRepository.#refuseBroken} compares. */
  async #before(keys: readonly string[], session: Session): Promise<Map<string, Row>> {
    const { key: field } = this.#collection
    const names = this.#at.brokenIndexes.flatMap(({ fields }) =>
      fields.map(({ path }) => path.text),
    )
    const rows = this.#at.native.find(
      { [field]: { $in: keys } },
      {
        projection: Object.fromEntries([field, ...names].map((name) => [name, 1])),
        ...in_(session),
      },
    )
    const before = new Map<string, Row>()
    for await (const row of rows) before.set(row[field] as string, this.#at.codec.decode(row))
    return before
  }

  /**
   * The declared unique index behind a failed write. Of several broken ones that of the key is named, which the
   * server need not find first.
   */
  async #brokenBy(
    { key }: Prepared<T>,
    error: unknown,
    writtenWithIt: ReadonlySet<string> = new Set(),
  ): Promise<Index | undefined> {
    const name = brokenUniqueIndex(error)
    const index = name === undefined ? undefined : this.#at.uniqueIndex(name)
    const [keyIndex] = this.#collection.indexes
    if (index === undefined || index === keyIndex || writtenWithIt.has(key)) return index
    const there = await this.#at.native.findOne(this.#byKey(key), { projection: { _id: 1 } })
    return there === null ? index : keyIndex
  }

  #duplicate(index: Index, document: object, cause: unknown): MindtraceError {
    return duplicate(this.#collection, index, document, cause)
  }

  #duplicateAt(index: number, broken: Index, document: object): Duplicate {
    const { on, value } = this.#duplicate(broken, document, undefined).details as Pick<
      Duplicate,
      'on' | 'value'
    >
    return { index, on, value }
  }
}

/** What the server is asked. */
interface MongoQuery {
  readonly filter: MongoFilter
  readonly sort: Record<string, 1 | -1> | undefined
}

/**
 * The steps beyond the last page as branches of one `$or`, each with the whole filter: the server seeks each in the
 * index of the sort and merges them.
 */
function queryOf({ conditions, order, beyond }: FindPlan): MongoQuery {
  const sort = mongoSort(order)
  if (beyond === undefined) return { filter: mongoFilter(conditions), sort }
  const branches = beyond.map((step) => mongoFilter([...step, ...unimplied(conditions, step)]))
  const [only] = branches
  return { filter: branches.length === 1 && only !== undefined ? only : { $or: branches }, sort }
}

/** How far a stream has come. */
class StreamPlace {
  /** The top-level fields that the place is made of. */
  readonly fields: readonly string[]
  readonly #collection: Collection
  readonly #sort: Sort
  #after: Keyset | undefined
  #lastId: string | undefined

  constructor(collection: Collection, sort: Sort) {
    this.#collection = collection
    this.#sort = sort
    this.fields = this.#order.map(({ path }) => path.segments[0] as string)
  }

  get #order() {
    return this.#sort.length === 0 ? [] : parseSort(this.#collection, this.#sort)
  }

  pass(document: object & { readonly _id: string }): void {
    if (this.#sort.length > 0) this.#after = keysetOfFields(this.#order, document)
    this.#lastId = document._id
  }

  query(filter: FilterInput): MongoQuery {
    const sort = this.#sort
    const query = queryOf(planFind(this.#collection, filter, { sort, after: this.#after }))
    if (sort.length > 0 || this.#lastId === undefined) return query
    const beyond = { _id: { $gt: new mongoose.mongo.ObjectId(this.#lastId) } }
    return { ...query, filter: allOf([query.filter, beyond]) }
  }
}

async function nextRows(cursor: mongoose.mongo.FindCursor): Promise<Row[]> {
  const first = await cursor.next()
  return first === null ? [] : [first, ...cursor.readBufferedDocuments()]
}

/** The option that makes an operation part of a transaction. */
function in_(session: Session): { readonly session?: mongoose.mongo.ClientSession } {
  return session === undefined ? {} : { session }
}

/** The options that are there. */
function given<O extends object>(options: O): { [K in keyof O]?: Exclude<O[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof O]?: Exclude<O[K], undefined> }
}

function isUnique({ unique }: Index): boolean {
  return unique
}

function causeOf(error: unknown): unknown {
  return isMindtraceError(error) ? error.cause : error
}

function stored<T extends object>({ document, row }: Prepared<T>): Stored<T> {
  return Object.assign(document, { _id: row._id.toHexString() })
}

function countedValue(value: unknown): Scalar {
  if (value instanceof Date) return value.toISOString()
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value)
  return isScalar ? (value as Scalar) : null
}
