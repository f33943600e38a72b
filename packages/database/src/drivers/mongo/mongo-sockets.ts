import { errorMessage, systemErrorCode } from '@mindtrace/core'
import mongoose from 'mongoose'

type MongoClient = mongoose.mongo.MongoClient

const { MongoError, MongoNetworkError } = mongoose.mongo

/** What is used of the client's inside: nothing of it is public. */
interface Inside {
  readonly topology?: {
    readonly s?: {
      readonly servers?: ReadonlyMap<
        string,
        { readonly pool?: { readonly checkedOut?: Iterable<{ readonly socket?: Socket }> } }
      >
    }
  }
}

interface Socket {
  readonly writableNeedDrain?: boolean
  emit(event: 'error', error: Error): unknown
}

/**
 * Ends writes that a dead network holds. The client (7.8) waits for a full socket to drain and not for its end, so
 * that a large write would never return although its connection was given up.
 */
export function endHeldWrites(client: MongoClient): void {
  client.on('connectionPoolCleared', ({ address, interruptInUseConnections }) => {
    if (interruptInUseConnections !== true) return
    const server = (client as unknown as Inside).topology?.s?.servers?.get(address)
    for (const { socket } of server?.pool?.checkedOut ?? []) {
      if (socket?.writableNeedDrain !== true) continue
      socket.emit('error', new MongoNetworkError(`nothing gets through to ${address}`))
    }
  })
}

/** Where the client (7.8) passes on what broke a socket as it came, this is the client's own error for it. */
export function asNetworkError(error: unknown): unknown {
  const broken = error instanceof Error && 'syscall' in error && systemErrorCode(error)
  return broken ? new MongoNetworkError(error.message, { cause: error }) : error
}

/** Lets a session's commit fail with the client's own errors only, so that it is tried again and then told rightly. */
export function mendCommit(session: mongoose.mongo.ClientSession): void {
  const commit = session.commitTransaction.bind(session)
  session.commitTransaction = async (options) => {
    try {
      await commit(options)
    } catch (error) {
      if (error instanceof MongoError) throw error
      // The client asks its errors for their labels, and can't ask what a broken socket threw.
      const known = new MongoNetworkError(errorMessage(error), { cause: error as Error })
      addLabel(known, 'UnknownTransactionCommitResult')
      throw known
    }
  }
}

/** The same for an operation: in a transaction, all of it can be run again. */
export async function withNetworkErrors<R>(
  work: Promise<R>,
  session?: mongoose.mongo.ClientSession | undefined,
): Promise<R> {
  try {
    return await work
  } catch (error) {
    const known = asNetworkError(error)
    if (known !== error && session !== undefined) addLabel(known, 'TransientTransactionError')
    throw known
  }
}

function addLabel(error: unknown, label: string): void {
  ;(error as mongoose.mongo.MongoError).addErrorLabel(label)
}
