import { MindtraceError } from '@mindtrace/core'
import type { Collection } from './collection.ts'
import type { Scalar } from './paths.ts'

type ArrayElement<V> = V extends readonly (infer E)[] ? E : never

/** A change of top-level fields, made in one step. A field may occur in one of the parts only. */
export interface Change<T> {
  /** New values; a field that is undefined stays as it is. */
  readonly set?: { readonly [F in keyof T]?: T[F] | undefined }
  /** Elements that an array holds afterwards, new ones at its end; one that it has is not repeated. */
  readonly add?: {
    readonly [F in keyof T as T[F] extends readonly Scalar[] ? F : never]?: readonly ArrayElement<
      T[F]
    >[]
  }
  /** Elements that an array does not hold afterwards. */
  readonly remove?: {
    readonly [F in keyof T as T[F] extends readonly Scalar[] ? F : never]?: readonly ArrayElement<
      T[F]
    >[]
  }
  /** Amounts to add to numbers. */
  readonly inc?: { readonly [F in keyof T as T[F] extends number ? F : never]?: number }
}

/** A {@link Change} that has been checked against its collection. */
export interface ParsedChange {
  readonly set: ReadonlyMap<string, unknown>
  readonly add: ReadonlyMap<string, readonly Scalar[]>
  readonly remove: ReadonlyMap<string, readonly Scalar[]>
  readonly inc: ReadonlyMap<string, number>
}

/**
 * Checks a change field by field, as an atomic update of one document can.
 *
 * @throws {@link MindtraceError} `VALIDATION_FAILED` for unknown fields, values that do not fit the
 *   schema, a field in two parts, and the key.
 */
export function parseChange<T extends object>(
  collection: Collection<T>,
  change: Change<T>,
): ParsedChange {
  const taken = new Set<string>([collection.key])
  const entries = (part: object | undefined): [string, unknown][] =>
    Object.entries(part ?? {}).filter(([field, value]) => {
      if (value === undefined) return false
      if (!taken.has(field)) return taken.add(field)
      const reason =
        field === collection.key
          ? 'is the key and never changes'
          : 'occurs in two parts of one change'
      throw invalid(collection, field, reason)
    })

  const elements = ([field, values]: [string, unknown]): [string, readonly Scalar[]] => {
    const parsed = collection.parseField(field, values)
    const { kind, element } = collection.path(field)
    if (kind !== 'array' || element === 'object' || element === 'free') {
      throw invalid(collection, field, 'is no array of single values')
    }
    return [field, parsed as readonly Scalar[]]
  }

  return {
    set: new Map(
      entries(change.set).map(([field, value]) => [field, collection.parseField(field, value)]),
    ),
    add: new Map(entries(change.add).map(elements)),
    remove: new Map(entries(change.remove).map(elements)),
    inc: new Map(
      entries(change.inc).map(([field, amount]) => {
        if (collection.path(field).kind !== 'number' || !Number.isFinite(amount)) {
          throw invalid(collection, field, 'cannot be incremented: field and amount are numbers')
        }
        return [field, amount as number]
      }),
    ),
  }
}

function invalid(collection: Collection, field: string, reason: string): MindtraceError {
  return new MindtraceError(
    'VALIDATION_FAILED',
    `Field '${field}' of '${collection.name}' ${reason}`,
    {
      details: { collection: collection.name, field },
    },
  )
}
