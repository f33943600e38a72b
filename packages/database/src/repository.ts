import type { CallOptions } from '@mindtrace/core'
import type { Change } from './change.ts'
import type { Stored } from './collection.ts'
import type { Filter, ParsedFilter } from './filter.ts'
import type { Keyset, Sort } from './page.ts'
import type { Scalar } from './paths.ts'

/** A filter as repositories take it: written out, or parsed before. */
export type FilterInput = Filter | ParsedFilter

/** How documents are read. */
export interface ReadOptions<F> extends CallOptions {
  /** Read these top-level fields only. The key and `_id` always come along. */
  readonly fields?: readonly F[] | undefined
}

/** What `getMany` takes besides the keys. */
export interface HoldOptions<F> extends ReadOptions<F> {
  /**
   * In a transaction: what is found stays until its end, since another transaction that calls `delete` on one of
   * them comes before or after this one. So what refers to a document can't pass its deletion. Default: false.
   */
  readonly hold?: boolean | undefined
}

/** What `find` takes besides its filter. */
export interface FindOptions<F> extends ReadOptions<F> {
  /** Default: the order of insertion. */
  readonly sort?: Sort | undefined
  /** At most so many documents. Default: all. */
  readonly limit?: number | undefined
  /** Continue after this place, see `keysetOf`. Needs a sort. */
  readonly after?: Keyset | undefined
}

/** What `stream` takes besides its filter. */
export interface StreamOptions<F> extends ReadOptions<F> {
  /** Default: the order of insertion. Without an index for the sort every batch sorts anew. */
  readonly sort?: Sort | undefined
  /** Documents read at a time. Default: 500. */
  readonly batchSize?: number | undefined
}

/** One document that `insertMany` left out because a unique index has its value already. */
export interface Duplicate {
  /** Its place in the input. */
  readonly index: number
  /** The name of the unique index. */
  readonly on: string
  /** The value that exists; an array where the index has several paths. */
  readonly value: Scalar | readonly Scalar[]
}

/**
 * The documents of one collection. Arguments are parsed, results are plain values of the caller's own:
 * changing one changes nothing stored.
 *
 * Every method may throw `UNAVAILABLE` (closed, unreachable, busy for too long), `STORAGE_FULL`, `READ_ONLY`
 * or `CORRUPT`; every filter may throw `QUERY_NOT_SUPPORTED`; whatever writes documents may throw
 * `VALIDATION_FAILED` and `TOO_LARGE` (more than 16 MiB), before anything is written. An aborted signal's
 * reason is rethrown untouched.
 *
 * Inside a transaction an error dooms the transaction: let it leave the work.
 */
export interface Repository<T extends object, I = T> {
  /** Writes a new document. @throws `DUPLICATE` with `collection`, `on` and `value` in its details. */
  insert(document: I, options?: CallOptions): Promise<Stored<T>>

  /**
   * Writes the new ones of many documents and tells which exist. All are checked before the first is
   * written; they become visible in groups of up to 1000, so use a transaction where all or none must be.
   */
  insertMany(
    documents: readonly I[],
    options?: CallOptions,
  ): Promise<{ readonly inserted: readonly Stored<T>[]; readonly duplicates: readonly Duplicate[] }>

  /**
   * Writes many documents, whole, in place of those with the same key. In groups like `insertMany`.
   * @throws `DUPLICATE` when one breaks another unique index; its group is then not written, where the database
   * is transactional.
   */
  upsertMany(
    documents: readonly I[],
    options?: CallOptions,
  ): Promise<{ readonly created: number; readonly updated: number }>

  /** One document by key. @throws `NOT_FOUND` with `collection` and `key` in its details. */
  get<F extends keyof T = keyof T>(
    key: string,
    options?: ReadOptions<F>,
  ): Promise<Stored<Pick<T, F>>>

  /** Many documents by key, any number; keys that do not exist are left out. */
  getMany<F extends keyof T = keyof T>(
    keys: readonly string[],
    options?: HoldOptions<F>,
  ): Promise<Map<string, Stored<Pick<T, F>>>>

  /** The first document in the order of insertion, or undefined. */
  findOne<F extends keyof T = keyof T>(
    filter: FilterInput,
    options?: ReadOptions<F>,
  ): Promise<Stored<Pick<T, F>> | undefined>

  /** Documents in the order of `sort`, else of insertion. @throws `INVALID_CURSOR` when `after` does not fit. */
  find<F extends keyof T = keyof T>(
    filter: FilterInput,
    options?: FindOptions<F>,
  ): Promise<Stored<Pick<T, F>>[]>

  /**
   * Any number of documents, a batch in memory at a time. Those that are written or deleted meanwhile may or
   * may not appear; every other one appears exactly once. May be left at any time.
   */
  stream<F extends keyof T = keyof T>(
    filter: FilterInput,
    options?: StreamOptions<F>,
  ): AsyncIterable<Stored<Pick<T, F>>>

  /** How many documents there are. Default: all. */
  count(filter?: FilterInput, options?: CallOptions): Promise<number>

  /** How many documents have each value of a path; null stands for null, absent and what is no single value. */
  countBy(path: string, filter?: FilterInput, options?: CallOptions): Promise<Map<Scalar, number>>

  /**
   * The sum of the numbers at a path, 0 where there are none. As the other aggregates it is taken from what is
   * stored, by the database: it reads an index alone where one holds all that it needs, and never holds up the
   * event loop.
   * @throws `QUERY_NOT_SUPPORTED` for a path whose values are no numbers.
   */
  sum(path: string, filter?: FilterInput, options?: CallOptions): Promise<number>

  /** Whether there is at least one. */
  exists(filter: FilterInput, options?: CallOptions): Promise<boolean>

  /**
   * Changes one document in one step, as no other writer can interrupt it, and gives it back.
   * @throws `NOT_FOUND`; `CONFLICT` when the document exists and `if` does not hold; `DUPLICATE`.
   */
  update(
    key: string,
    change: Change<T>,
    options?: CallOptions & { readonly if?: FilterInput | undefined },
  ): Promise<Stored<T>>

  /**
   * Changes up to `limit` documents, first ones first, and gives them back in that order. Two callers, also in
   * two processes, never get the same one, provided that the change makes the filter false.
   */
  claim(
    filter: FilterInput,
    change: Change<T>,
    options: CallOptions & { readonly sort: Sort; readonly limit: number },
  ): Promise<Stored<T>[]>

  /** Deletes one document. @throws `NOT_FOUND`. */
  delete(key: string, options?: CallOptions): Promise<void>

  /** Deletes all that the filter means, many of them in groups, and gives their number. */
  deleteMany(filter: FilterInput, options?: CallOptions): Promise<number>
}
