import { inSpan, type SpanAttributes, type Tracer } from '@mindtrace/core'
import type { Database, Repositories } from './database.ts'

/** Gives every call of a database a span, which says what is done to which collection, and never a value. */
export function tracedDatabase(database: Database, tracer: Tracer, system: string): Database {
  const attributes = { 'db.system.name': system }
  const repositories = (from: Repositories): Repositories['repository'] => {
    return (collection) =>
      traced(from.repository(collection), tracer, (operation) => ({
        name: `${operation} ${collection.name}`,
        attributes: {
          ...attributes,
          'db.collection.name': collection.name,
          'db.operation.name': operation,
        },
      }))
  }
  const transaction: Database['transaction'] = (work, options) =>
    inSpan(tracer, 'transaction', { ...attributes, 'db.operation.name': 'transaction' }, () =>
      database.transaction((tx) => work({ repository: repositories(tx) }), options),
    )
  return {
    transactional: database.transactional,
    repository: repositories(database),
    transaction,
    init: (collections, options) => database.init(collections, options),
    ping: (options) => database.ping(options),
    load: () => database.load(),
    check: (options) => database.check(options),
    drop: (options) => database.drop(options),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  }
}

type Named = (operation: string) => { readonly name: string; readonly attributes: SpanAttributes }

function traced<T extends object>(repository: T, tracer: Tracer, named: Named): T {
  return new Proxy(repository, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target)
      if (typeof member !== 'function' || typeof property === 'symbol') return member
      const { name, attributes } = named(property)
      return (...args: unknown[]) => {
        if (property === 'stream') {
          return tracedStream(member.apply(target, args), () => tracer.start(name, attributes))
        }
        return inSpan(tracer, name, attributes, () => member.apply(target, args))
      }
    },
  })
}

async function* tracedStream<T>(
  documents: AsyncIterable<T>,
  begin: () => ReturnType<Tracer['start']>,
): AsyncGenerator<T> {
  const span = begin()
  try {
    yield* documents
  } catch (error) {
    span?.end(error)
    throw error
  } finally {
    span?.end()
  }
}
