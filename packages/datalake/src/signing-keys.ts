import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type CallOptions, newToken, toInstant } from '@mindtrace/core'
import type { LakeParts } from './lake-parts.ts'

interface Key {
  readonly key_id: string
  readonly secret: string
  readonly created_at: string
}

const dayMs = 24 * 3_600_000
/** A new key is made when the newest is older. */
const rotateMs = 30 * dayMs
/** Nothing is signed for longer than seven days, so an older key than this has nothing left to vouch for. */
const keepMs = rotateMs + 8 * dayMs
/** How long a process trusts what it has read: a key that was removed counts for so long. */
const trustMs = 60_000

/** Signs texts so that every process of the lake knows them: the keys lie in its database. */
export class SigningKeys {
  readonly #parts: Pick<LakeParts, 'records' | 'clock'>
  #known = new Map<string, Key>()
  #readAt = -Infinity

  constructor(parts: Pick<LakeParts, 'records' | 'clock'>) {
    this.#parts = parts
  }

  /** A signature with the name of its key: `<key id>.<base64url>`. */
  async sign(text: string, options: CallOptions): Promise<string> {
    const key = await this.#current(options)
    return `${key.key_id}.${digest(key, text).toString('base64url')}`
  }

  /** Whether a signature is one of ours for the text; takes the same time whatever is wrong with it. */
  async verify(text: string, signature: string, options: CallOptions): Promise<boolean> {
    const [keyId = '', given = ''] = signature.split('.')
    const key = await this.#find(keyId, options)
    if (key === undefined) return false
    const wanted = digest(key, text)
    const found = Buffer.from(given, 'base64url')
    return found.byteLength === wanted.byteLength && timingSafeEqual(found, wanted)
  }

  async #find(keyId: string, options: CallOptions): Promise<Key | undefined> {
    if (!/^[0-9a-f]{32}$/.test(keyId)) return undefined
    await this.#refresh(options)
    const known = this.#known.get(keyId)
    if (known !== undefined) return known
    // Another process may have made it a moment ago.
    const key = (await this.#parts.records.signingKeys.getMany([keyId], options)).get(keyId)
    if (key !== undefined) this.#known.set(keyId, key)
    return key
  }

  async #current(options: CallOptions): Promise<Key> {
    await this.#refresh(options)
    const { records, clock } = this.#parts
    const now = clock.now()
    const oldest = toInstant(new Date(Date.parse(now) - rotateMs))
    const [newest] = [...this.#known.values()].toSorted((a, b) =>
      a.created_at < b.created_at ? 1 : -1,
    )
    if (newest !== undefined && newest.created_at > oldest) return newest
    // Two processes may both do this: either key is good.
    const key = { key_id: newToken(), secret: randomBytes(32).toString('base64'), created_at: now }
    await records.signingKeys.insert(key, options)
    this.#known.set(key.key_id, key)
    const forgotten = toInstant(new Date(Date.parse(now) - keepMs))
    await records.signingKeys.deleteMany({ created_at: { $lt: forgotten } }, options)
    return key
  }

  async #refresh(options: CallOptions): Promise<void> {
    if (performance.now() - this.#readAt < trustMs) return
    const keys = await this.#parts.records.signingKeys.find({}, options)
    this.#known = new Map(keys.map((key) => [key.key_id, key]))
    this.#readAt = performance.now()
  }
}

function digest({ secret }: Key, text: string): Buffer {
  return createHmac('sha256', Buffer.from(secret, 'base64')).update(text).digest()
}
