import { setTimeout as sleep } from 'node:timers/promises'
import { bytesOf, type CallOptions, type Instant, isMindtraceError } from '@mindtrace/core'
import type { ObjectMount } from '../../mount.ts'
import {
  type ObjectDocument,
  parseRemoteDocument,
  printRemoteDocument,
} from '../../object-document.ts'
import { busy, type ObjectId, type ReadDocument } from '../layout.ts'
import { documentKey } from './payload-keys.ts'

const limitBytes = 16 * 1024 * 1024
const attempts = 20

/** What became of a document. */
export interface CommitOutcome {
  readonly status: 'stored' | 'overwritten' | 'exists'
  /** The one that is current now. */
  readonly document: ObjectDocument
  /** The write that was replaced, whose payload nothing names any more. */
  readonly oldUuid?: string | undefined
}

/** A write whose outcome is not known: the request may yet be carried out. */
export class Uncertain extends Error {
  constructor(cause: unknown) {
    super('it is not known whether the document was written', { cause })
  }
}

/** The documents of objects in a store, which decides itself who creates or replaces one. */
export class RemoteDocuments {
  readonly #mount: ObjectMount

  constructor(mount: ObjectMount) {
    this.#mount = mount
  }

  async writtenAt(id: ObjectId, options: CallOptions): Promise<Instant | undefined> {
    return (await this.#mount.head(documentKey(id), options))?.modifiedAt
  }

  async read(id: ObjectId, options: CallOptions = {}): Promise<ReadDocument | undefined> {
    const key = documentKey(id)
    try {
      const { body, etag } = await this.#mount.read(key, { signal: options.signal })
      const text = new TextDecoder().decode(await bytesOf(body, limitBytes, options))
      return { document: parseRemoteDocument(text, key), etag }
    } catch (error) {
      if (isMindtraceError(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }

  async delete(id: ObjectId, options: CallOptions): Promise<void> {
    await this.#mount.delete(documentKey(id), options)
  }

  /** Makes a document current, or says that another is. @throws {@link Uncertain} when nobody knows. */
  async commit(
    id: ObjectId,
    document: ObjectDocument,
    options: CallOptions & { readonly onConflict: 'skip' | 'overwrite' },
  ): Promise<CommitOutcome> {
    const key = documentKey(id)
    const uuid = document._storage?.uuid
    const body = new TextEncoder().encode(printRemoteDocument(document))
    let current = options.onConflict === 'overwrite' ? await this.read(id, options) : undefined
    for (let attempt = 0; attempt < attempts; attempt++) {
      const condition = current === undefined ? { ifAbsent: true } : { ifEtag: current.etag }
      const oldUuid = current?.document._storage?.uuid
      const status = current === undefined ? 'stored' : 'overwritten'
      try {
        // No signal: an aborted request may have been carried out.
        await this.#mount.write(key, body, { ...condition, contentType: 'application/json' })
        return { status, document, oldUuid }
      } catch (error) {
        const found = await this.#lookAgain(id, error)
        // The answer to our own write was lost, and a repetition of it refused.
        if (found?.document._storage?.uuid === uuid) return { status, document, oldUuid }
        if (mayHaveHappened(error)) throw new Uncertain(error)
        if (!isMindtraceError(error, 'PRECONDITION_FAILED')) throw error
        if (found !== undefined && options.onConflict === 'skip') {
          return { status: 'exists', document: found.document }
        }
        current = found
      }
      options.signal?.throwIfAborted()
      await sleep(Math.random() * Math.min(10 * 2 ** attempt, 1000))
    }
    throw busy(id)
  }

  async #lookAgain(id: ObjectId, error: unknown): Promise<ReadDocument | undefined> {
    try {
      return await this.read(id)
    } catch {
      throw new Uncertain(error)
    }
  }
}

/** Whether a request that failed may yet be carried out. */
function mayHaveHappened(error: unknown): boolean {
  if (!isMindtraceError(error)) return true
  return ['UNAVAILABLE', 'TIMEOUT', 'INTERNAL'].includes(error.code)
}
