import {
  type ErrorCode,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'
import type mongoose from 'mongoose'

interface Meaning {
  readonly code: ErrorCode
  readonly remedy: string
}

const unreachable: Meaning = {
  code: 'UNAVAILABLE',
  remedy: 'check that it runs and can be reached, then try again',
}
const unreadableFile: Meaning = {
  code: 'INVALID_INPUT',
  remedy: 'name a file that can be read, or leave that option out of the address',
}
const changing: Meaning = { code: 'UNAVAILABLE', remedy: 'its primary changes: try again' }
const busy: Meaning = { code: 'UNAVAILABLE', remedy: 'it is busy for too long: try again' }
const refused: Meaning = {
  code: 'UNAVAILABLE',
  remedy: 'it refuses access: check the user, the password and the rights in its address',
}
const tooLarge: Meaning = {
  code: 'TOO_LARGE',
  remedy: 'keep large values as payloads',
}
const unstorable: Meaning = { code: 'VALIDATION_FAILED', remedy: 'MongoDB cannot store it' }
const full: Meaning = {
  code: 'STORAGE_FULL',
  remedy: 'its disk is full: free some space and try again',
}

/** Codes of the server. @see https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
const byCode: Readonly<Record<number, Meaning>> = {
  6: unreachable,
  7: unreachable,
  13: refused,
  15: { ...unstorable, remedy: 'it is nested too deeply' },
  18: refused,
  24: busy,
  50: busy,
  52: { ...unstorable, remedy: 'a name begins with $' },
  89: unreachable,
  91: changing,
  112: busy,
  189: changing,
  251: changing,
  262: busy,
  9001: unreachable,
  10107: changing,
  10334: tooLarge,
  11600: changing,
  11602: changing,
  13388: changing,
  13435: changing,
  13436: changing,
  14031: full,
  17280: unstorable,
  17419: tooLarge,
  17420: tooLarge,
}

/** Errors of the client that have no code, by name, so that two copies of it agree. */
const byName: Readonly<Record<string, Meaning>> = {
  MongoServerSelectionError: unreachable,
  MongooseServerSelectionError: unreachable,
  MongoNetworkError: unreachable,
  MongoNetworkTimeoutError: unreachable,
  MongoPoolClearedError: unreachable,
  PoolClearedOnNetworkError: unreachable,
  MongoPoolClosedError: unreachable,
  MongoConnectionPoolClosedError: unreachable,
  MongoNotConnectedError: unreachable,
  MongoTopologyClosedError: unreachable,
  MongoClientClosedError: unreachable,
  MongoExpiredSessionError: unreachable,
  MongoWaitQueueTimeoutError: busy,
  MongoOperationTimeoutError: busy,
  BSONError: unstorable,
  BSONVersionError: unstorable,
}

const duplicateKey = 11_000

/** The name of the unique index that a write would have broken, or undefined. */
export function brokenUniqueIndex(error: unknown): string | undefined {
  if (codeOf(error) !== duplicateKey) return undefined
  const text = (error as { errmsg?: string; message?: string }).errmsg ?? (error as Error).message
  return / index: (\S+) dup key/.exec(text)?.[1]
}

/**
 * What failed of a bulk write, by the place of the operation. Undefined where it is not known how the others went:
 * the connection broke, or the replica set did not confirm them.
 */
export function writeErrorsOf(
  error: unknown,
): readonly { readonly index: number; readonly error: unknown }[] | undefined {
  const { writeErrors, result } = error as Partial<mongoose.mongo.MongoBulkWriteError>
  const list = Array.isArray(writeErrors) ? writeErrors : []
  if (list.length === 0 || result?.getWriteConcernError() !== undefined) return undefined
  return list.map((one) => ({ index: one.index, error: one }))
}

/** The server's code of a thrown value. */
export function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'number' ? code : undefined
}

/** Whether the server forgot a cursor, so that reading can go on with another one. */
export function isLostCursor(error: unknown): boolean {
  const code = codeOf(error)
  if (code === 43 || code === 237 || code === 175) return true
  return meaningOf(error) === unreachable || meaningOf(error) === changing
}

const transient = 'TransientTransactionError'

/** Whether a transaction may succeed when it is run again. */
export function isTransient(error: unknown): boolean {
  const labelled = error as { hasErrorLabel?: (label: string) => boolean } | null
  return labelled?.hasErrorLabel?.(transient) === true
}

/** Marks what another writer's doing has caused, so that the transaction is run again and sees it. */
export function retryInTransaction(error: unknown, session: unknown): unknown {
  const labelled = error as { addErrorLabel?: (label: string) => void } | null
  if (session !== undefined && brokenUniqueIndex(error) !== undefined) {
    labelled?.addErrorLabel?.(transient)
  }
  return error
}

/** What MongoDB threw as our error, with the original as its cause; anything else as it is. */
export function convertError(error: unknown, name: string): unknown {
  if (isMindtraceError(error) || !isFromMongo(error)) return error
  const meaning: Meaning = meaningOf(error) ?? {
    code: 'INTERNAL',
    remedy: 'this is a defect of Mindtrace, please report it',
  }
  const text = `MongoDB database '${name}': ${error.message}: ${meaning.remedy}`
  const details = { database: name, mongoCode: codeOf(error) ?? error.name }
  return new MindtraceError(meaning.code, text, { cause: error, details })
}

/** {@link convertError} for the opening, which also asks for names and reads files of certificates. */
export function convertOpeningError(error: unknown, name: string): unknown {
  const code = systemErrorCode(error)
  if (code === undefined || isFromMongo(error)) return convertError(error, name)
  const { syscall } = error as { readonly syscall?: string }
  const { code: ours, remedy } = syscall?.startsWith('query') ? unreachable : unreadableFile
  const text = `MongoDB database '${name}': ${errorMessage(error)}: ${remedy}`
  return new MindtraceError(ours, text, {
    cause: error,
    details: { database: name, systemCode: code },
  })
}

function meaningOf(error: unknown): Meaning | undefined {
  const code = codeOf(error)
  const name = error instanceof Error ? error.name : ''
  const known = (code === undefined ? undefined : byCode[code]) ?? byName[name]
  // A bulk write wraps what broke it.
  const wrapped = (error as { errorResponse?: unknown } | null)?.errorResponse
  return known ?? (wrapped instanceof Error ? meaningOf(wrapped) : undefined)
}

/** Whether MongoDB's client threw it, or what it was converted from. */
export function isFromMongo(error: unknown): error is Error {
  if (isMindtraceError(error)) return isFromMongo(error.cause)
  return error instanceof Error && /^(?:Mongo|BSON|Cast|PoolCleared)/.test(error.name)
}
