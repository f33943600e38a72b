import { createHash, timingSafeEqual } from 'node:crypto'
import { type KeyRecord, type LakeAccess, parseApiKey } from '@mindtrace/contract'
import { isMindtraceError, MindtraceError } from '@mindtrace/core'
import type { Presented } from './presented-key.ts'
import { local, type Principal, principalOf } from './principal.ts'

/** What was read of the lake's keys is used for so long without a look at the database. */
const freshMs = 2_000
/** Then it is read again while requests go on, and from here on they wait for it: five seconds with the reading. */
const staleMs = 4_000
const readTimeoutMs = 3_000
/** A key that is not known may be a new one, so the keys are read anew, but not at everybody's bidding. */
const unknownEveryMs = 1_000

interface Snapshot {
  readonly byId: ReadonlyMap<string, KeyRecord>
  readonly readAtMs: number
}

/** What a {@link KeyRing} works with. */
export interface KeyRingOptions {
  /** Without it nobody is asked for a key. */
  readonly access: Pick<LakeAccess, 'keys'> | undefined
  /** Milliseconds that never jump back. */
  readonly nowMs: () => number
  /** The time of day, for expiry. */
  readonly now: () => string
}

/**
 * The keys that open this lake, as they were a moment ago: one that is made elsewhere opens it within two seconds, one that
 * is revoked no longer after five. Where the database does not answer for longer, nobody gets in.
 *
 * A ring that has once seen a key asks for one for ever.
 */
export class KeyRing {
  readonly #options: KeyRingOptions
  #snapshot: Snapshot | undefined
  #required = false
  #reading: Promise<Snapshot> | undefined
  #readForUnknownMs = Number.NEGATIVE_INFINITY

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /** Whether a key is asked for. @throws `UNAVAILABLE` when the database can't tell. */
  async required(): Promise<boolean> {
    if (this.#options.access === undefined) return false
    await this.#current()
    return this.#required
  }

  /** Who sends this. @throws `UNAUTHENTICATED`, saying nothing of why; `UNAVAILABLE`. */
  async identify(presented: Presented): Promise<Principal> {
    if (this.#options.access === undefined) return local
    let snapshot = await this.#current()
    if (!this.#required) return local
    if (presented.kind === 'none') {
      throw new MindtraceError(
        'UNAUTHENTICATED',
        'this lake asks for a key: send it as Authorization: Bearer, as X-API-Key, or in the address (https://KEY@host)',
      )
    }
    const text = presented.kind === 'key' ? presented.text : ''
    // The same steps for every text, whatever is wrong with it.
    const { keyId, secret } = parseApiKey(text) ?? { keyId: '', secret: text }
    const digest = createHash('sha256').update(secret).digest()
    if (!snapshot.byId.has(keyId)) snapshot = await this.#afterUnknown(snapshot)
    const record = snapshot.byId.get(keyId)
    const expected = Buffer.from(record?.secret_sha256 ?? noHash, 'hex')
    const isRight = timingSafeEqual(digest, expected)
    const isOver =
      (record?.expires_at ?? null) !== null && `${record?.expires_at}` <= this.#options.now()
    if (record !== undefined && isRight && !isOver) return principalOf(record)
    throw new MindtraceError('UNAUTHENTICATED', 'the key is not known, revoked or expired')
  }

  async #current(): Promise<Snapshot> {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return await this.#read()
    const age = this.#options.nowMs() - snapshot.readAtMs
    if (age < freshMs) return snapshot
    if (age >= staleMs) return await this.#read()
    this.#read().catch(() => {})
    return snapshot
  }

  async #afterUnknown(snapshot: Snapshot): Promise<Snapshot> {
    const now = this.#options.nowMs()
    if (now - this.#readForUnknownMs < unknownEveryMs) return snapshot
    this.#readForUnknownMs = now
    return await this.#read()
  }

  #read(): Promise<Snapshot> {
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readNow(): Promise<Snapshot> {
    const { access, nowMs } = this.#options
    const readAtMs = nowMs()
    try {
      const { required = false, keys = [] } =
        (await access?.keys({ signal: AbortSignal.timeout(readTimeoutMs) })) ?? {}
      this.#required ||= required
      this.#snapshot = { byId: new Map(keys.map((key) => [key.key_id, key])), readAtMs }
      return this.#snapshot
    } catch (cause) {
      if (isMindtraceError(cause, 'UNAVAILABLE')) throw cause
      throw new MindtraceError('UNAVAILABLE', "the lake's keys can't be read just now", { cause })
    }
  }
}

/** Of a key that nobody has. */
const noHash = '0'.repeat(64)
