import type { Database, Repositories } from '../database.ts'

/** One call of a repository or of a database (`collection` is then undefined). */
export interface DatabaseCall {
  readonly collection: string | undefined
  readonly method: string
  readonly args: readonly unknown[]
}

/**
 * What goes wrong in a call: an error `before` it has done anything, or `after` it has done all, as when
 * the answer is lost. Undefined lets the call be.
 */
export type Failure = { readonly before: unknown } | { readonly after: unknown }

/**
 * A database that fails where a test says so, for tests of what callers make of it. Everything else is
 * passed on; a stream fails when its first document is asked for.
 */
export function failingDatabase(
  database: Database,
  failureOf: (call: DatabaseCall) => Failure | undefined,
): Database {
  const repositories = (from: Repositories): Repositories => ({
    repository: (collection) => failing(from.repository(collection), collection.name, failureOf),
  })
  const outer = failing(database, undefined, failureOf)
  return new Proxy(database, {
    get(target, property) {
      if (property === 'repository') return repositories(target).repository
      if (property !== 'transaction') return Reflect.get(outer, property)
      const transaction: Database['transaction'] = (work, options) =>
        outer.transaction((tx) => work(repositories(tx)), options)
      return transaction
    },
  })
}

function failing<T extends object>(
  target: T,
  collection: string | undefined,
  failureOf: (call: DatabaseCall) => Failure | undefined,
): T {
  return new Proxy(target, {
    get(_target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function' || typeof property === 'symbol') {
        return typeof member === 'function' ? member.bind(target) : member
      }
      return (...args: unknown[]) => {
        const failure = failureOf({ collection, method: property, args })
        const proceed = () => member.apply(target, args)
        if (failure === undefined) return proceed()
        return property === 'stream' ? failedStream(failure, proceed) : failed(failure, proceed)
      }
    },
  })
}

async function failed(failure: Failure, proceed: () => unknown): Promise<unknown> {
  if ('before' in failure) throw failure.before
  await proceed()
  throw failure.after
}

async function* failedStream(failure: Failure, proceed: () => AsyncIterable<unknown>) {
  if ('before' in failure) throw failure.before
  yield* proceed()
  throw failure.after
}
