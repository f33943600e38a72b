import type { CallOptions } from '@mindtrace/core'
import type { Collection } from './collection.ts'
import type { Repository } from './repository.ts'

/** Where repositories come from: a database, or one transaction of it. */
export interface Repositories {
  repository<T extends object, I>(collection: Collection<T, I>): Repository<T, I>
}

/** How busy a database is, as far as this process can tell without asking it. */
export interface DatabaseLoad {
  /** Calls that wait: for their turn to write, or for a connection. */
  readonly waiting: number
  /** Connections to a server. A database that is a file has none. */
  readonly connections?: { readonly open: number; readonly inUse: number } | undefined
}

/**
 * An open database of documents. Any number may be open in a process, also with the same collections; nothing
 * is shared between them. After `close` every call throws `UNAVAILABLE`.
 */
export interface Database extends Repositories, AsyncDisposable {
  /**
   * Whether a transaction is all or nothing. Where it is not (a standalone MongoDB), callers order their
   * writes so that an interruption leaves unreferenced documents only.
   */
  readonly transactional: boolean

  /**
   * Makes collections usable: creates what is missing of them and their indexes. Repeating is harmless; later
   * calls add to earlier ones. Indexes that are not declared are left alone.
   * @throws `CONFLICT` when stored documents break a unique index.
   */
  init(collections: readonly Collection[], options?: CallOptions): Promise<void>

  /**
   * Runs `work` as one unit: its writes become visible together when it resolves, and never when it throws.
   * The handle it is given is the only way to the database while it runs and is dead afterwards; using the
   * database itself inside `work`, or a second transaction, throws `INTERNAL`. A driver may run `work` again
   * after a transient failure, so it must have no other effects that are not repeatable.
   */
  transaction<R>(work: (tx: Repositories) => Promise<R>, options?: CallOptions): Promise<R>

  /** Whether the database answers. @throws `UNAVAILABLE`. */
  ping(options?: CallOptions): Promise<void>

  /** How busy it is right now. */
  load(): DatabaseLoad

  /**
   * Reads all that is stored and tells what is wrong with it, as far as the database itself can know;
   * nothing when it is whole. Takes its time.
   */
  check(options?: CallOptions): Promise<readonly string[]>

  /** Deletes every document of every collection. Collections and their indexes stay. */
  drop(options?: CallOptions): Promise<void>

  /** Waits for what is under way and closes. Repeating is harmless. */
  close(): Promise<void>
}
