import { abortable, type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import type { S3Connection } from './s3-connection.ts'
import { putWhole, type WriteCondition } from './s3-upload.ts'

/** An empty object that stays: with it there, one request shows whether the store refuses to create it. */
export const probeKey = '.mt-probe'

const noBytes = new Uint8Array()
const sha256 = sha256Hex(noBytes)

/**
 * Finds out, once for a mount and before the first conditional write, whether the store decides conditions
 * at all: some that speak the protocol ignore them, and two writers would both believe that they won.
 * Amazon's does, and is not asked.
 */
export class S3Conditions {
  readonly #connection: S3Connection
  readonly #known = new Map<'ifAbsent' | 'ifEtag', Promise<void>>()

  constructor(connection: S3Connection) {
    this.#connection = connection
  }

  /** @throws `NOT_IMPLEMENTED` when the store would write without regard to the condition. */
  async check({ ifAbsent, ifEtag, signal }: WriteCondition & CallOptions): Promise<void> {
    if (this.#connection.isAmazon) return
    if (ifAbsent === true) await this.#once('ifAbsent', signal)
    if (ifEtag !== undefined) await this.#once('ifEtag', signal)
  }

  async #once(kind: 'ifAbsent' | 'ifEtag', signal: AbortSignal | undefined): Promise<void> {
    const known = this.#known.get(kind) ?? this.#probe(kind)
    this.#known.set(kind, known)
    try {
      // Others may wait for the same answer, so an abort ends only the waiting.
      await abortable(known, signal)
    } catch (error) {
      signal?.throwIfAborted()
      // What is known now is that the store did not answer, or that the bucket is not there yet.
      if (!isMindtraceError(error, 'NOT_IMPLEMENTED')) this.#known.delete(kind)
      throw error
    }
  }

  async #probe(kind: 'ifAbsent' | 'ifEtag'): Promise<void> {
    const condition = kind === 'ifAbsent' ? { ifAbsent: true } : { ifEtag: 'no-such-etag' }
    // The first time it makes the object, or finds none with the etag.
    const isRefused = (await this.#isRefused(condition)) || (await this.#isRefused(condition))
    if (isRefused) return
    throw new MindtraceError(
      'NOT_IMPLEMENTED',
      `the store of '${this.#connection.location}' ignores conditions of writes (${kind === 'ifAbsent' ? 'If-None-Match' : 'If-Match'}), so it can't keep two writers apart; use one that knows them, such as a newer release`,
    )
  }

  async #isRefused(condition: WriteCondition): Promise<boolean> {
    try {
      await putWhole(this.#connection, probeKey, noBytes, { ...condition, sha256 })
      return false
    } catch (error) {
      if (isMindtraceError(error, 'PRECONDITION_FAILED')) return true
      // If-Match on a key that is not there.
      if (isMindtraceError(error) && error.details.s3Code === 'NoSuchKey') return true
      throw error
    }
  }
}
