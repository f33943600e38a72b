import { MindtraceError } from '@mindtrace/core'
import { type Collection, type Index, indexedValue, maxDocumentBytes } from './collection.ts'
import type { Path } from './paths.ts'

/** `NOT_FOUND` of one document. */
export function notFound({ name }: Collection, key: string): MindtraceError {
  return new MindtraceError('NOT_FOUND', `'${name}' has no document '${key.slice(0, 256)}'`, {
    details: { collection: name, key },
  })
}

/** `CONFLICT` of a change whose condition does not hold. */
export function conflict({ name }: Collection, key: string): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `'${key}' of '${name}' is not in the state that this change expects: read it again`,
    { details: { collection: name, key } },
  )
}

/** `DUPLICATE` of a document that breaks a unique index. */
export function duplicate(
  { name }: Collection,
  index: Index,
  document: object,
  cause: unknown,
): MindtraceError {
  const value = indexedValue(index, document)
  const paths = index.fields.map(({ path }) => path.text).join(', ')
  return new MindtraceError(
    'DUPLICATE',
    `'${name}' has a document with ${paths} ${JSON.stringify(value)} already: use another value, or change that one`,
    { cause, details: { collection: name, on: index.name, value } },
  )
}

/** `TOO_LARGE` of a document. */
export function tooLarge({ name }: Collection, key: string, bytes: number): MindtraceError {
  return new MindtraceError(
    'TOO_LARGE',
    `Document '${key}' of '${name}' has ${bytes} bytes, the limit is ${maxDocumentBytes}: keep large values as payloads`,
    { details: { collection: name, key, bytes, limit: maxDocumentBytes } },
  )
}

/** A path that has one value to count by. @throws `QUERY_NOT_SUPPORTED` for any other. */
export function countable(path: Path): Path {
  if (path.kind !== 'array' && path.kind !== 'object') return path
  throw notSupported(path, 'counted by', `is an ${path.kind}`)
}

/** A path of numbers. @throws `QUERY_NOT_SUPPORTED` for any other. */
export function summable(path: Path): Path {
  if (path.kind === 'number') return path
  throw notSupported(path, 'summed', `is no number but ${path.kind}`)
}

function notSupported({ text }: Path, done: string, reason: string): MindtraceError {
  return new MindtraceError(
    'QUERY_NOT_SUPPORTED',
    `Path '${text}' cannot be ${done}: it ${reason}`,
    { details: { path: text, reason } },
  )
}

/** A number of documents that a caller gives. @throws `INVALID_INPUT` unless it is a whole number from 1. */
export function checkedLimit(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value
  throw new MindtraceError('INVALID_INPUT', `${name} is ${value}: use a whole number from 1`, {
    details: { [name]: value },
  })
}
