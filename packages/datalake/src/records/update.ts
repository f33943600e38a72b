import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { Change, Collection, Repository, Stored } from '@mindtrace/database'
import type { LakeParts } from '../lake-parts.ts'

/**
 * Checks a patch: only declared fields that may change, each value by the collection's schema.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for a field that is unknown or fixed,
 * `VALIDATION_FAILED` for a value that does not fit.
 */
export function checkChanges<T extends object, I>(
  collection: Collection<T, I>,
  mutable: readonly (keyof T & string)[],
  changes: Readonly<Record<string, unknown>>,
): Partial<T> {
  const checked: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(changes)) {
    if (!(mutable as readonly string[]).includes(field)) {
      const what = collection.fields.includes(field) ? "can't be changed" : 'is no field'
      throw new MindtraceError(
        'INVALID_INPUT',
        `'${field}' ${what} of ${collection.name}; changes may name ${mutable.join(', ')}`,
        { details: { collection: collection.name, field } },
      )
    }
    checked[field] = checkField(collection, field as keyof T & string, value, ['changes', field])
  }
  return checked as Partial<T>
}

/**
 * The value of one field, checked by the collection's schema; `path` is where the caller wrote it.
 *
 * @throws {@link MindtraceError} `VALIDATION_FAILED` that names the path and keeps zod's issues.
 */
export function checkField<T extends object, I>(
  collection: Collection<T, I>,
  field: keyof T & string,
  value: unknown,
  path: readonly string[],
): unknown {
  try {
    return collection.parseField(field, value)
  } catch (cause) {
    if (!isMindtraceError(cause, 'VALIDATION_FAILED')) throw cause
    const inner = (cause.details.issues ?? []) as readonly Issue[]
    const issues = inner.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
    const [first] = issues
    throw new MindtraceError(
      'VALIDATION_FAILED',
      `${(first?.path ?? path).join('.')} does not fit: ${first?.message ?? 'invalid'}`,
      { cause, details: { ...cause.details, issues } },
    )
  }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Sets the given fields and `updated_at` in one step. @throws `NOT_FOUND`, `DUPLICATE`. */
export function setFields<T extends object & { updated_at: string }, I>(
  parts: LakeParts,
  repository: Repository<T, I>,
  key: string,
  changes: Partial<T>,
  options: CallOptions,
): Promise<Stored<T>> {
  const set = { ...changes, updated_at: parts.clock.now() }
  return repository.update(key, { set } as unknown as Change<T>, options)
}
