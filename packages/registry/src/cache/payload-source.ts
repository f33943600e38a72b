import { type ByteStream, checkedStream, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { resolveRange } from '../byte-range.ts'
import type { Mount, MountRead, ObjectMount, ReadOptions, StorePlace } from '../mount.ts'
import { filling } from './cache-fill.ts'
import type { PayloadCache } from './payload-cache.ts'

/** Options of {@link PayloadSource.read}. */
export interface PayloadReadOptions extends ReadOptions {
  /**
   * What the key holds now. Left out for keys whose bytes never change, as they hold the UUID of the write
   * that made them.
   */
  readonly etag?: string | undefined
  /** Default true; false reads the mount itself, and keeps nothing. */
  readonly cache?: boolean | undefined
}

/** A payload opened for reading. */
export interface PayloadRead extends MountRead {
  /**
   * To be put around the body once it is checked: what ends well may be kept, and what was kept and does not is
   * dropped.
   */
  readonly through?: ((body: ByteStream) => ByteStream) | undefined
}

/** Where a registry's payloads are read from: their mount, or a cache before it. */
export interface PayloadSource {
  /** As {@link Mount.read}. */
  read(key: string, options?: PayloadReadOptions): Promise<PayloadRead>
}

/** The mount itself. */
export function uncached(mount: Mount): PayloadSource {
  return { read: (key, { range, signal } = {}) => mount.read(key, { range, signal }) }
}

/** The mount behind a cache of whole payloads; ranges are answered from what is kept whole. */
export class CachedSource implements PayloadSource {
  readonly #mount: ObjectMount
  readonly #cache: PayloadCache

  constructor(mount: ObjectMount, cache: PayloadCache) {
    this.#mount = mount
    this.#cache = cache
  }

  async read(key: string, options: PayloadReadOptions = {}): Promise<PayloadRead> {
    const { range, signal, etag, cache: isWanted = true } = options
    signal?.throwIfAborted()
    if (!isWanted) return this.#mount.read(key, { range, signal })
    const known = this.#kept(key, options)
    if (known !== undefined) return known
    const opened = await this.#mount.read(key, { range, signal })
    if (range !== undefined) return opened
    const facts = {
      key: cacheKey(this.#mount.place, key, etag === undefined ? undefined : opened.etag),
      sizeBytes: opened.sizeBytes,
      etag: opened.etag,
    }
    const through = (body: ByteStream) => {
      const fill = this.#cache.fill(facts)
      return fill === undefined ? body : filling(body, fill)
    }
    return { ...opened, through }
  }

  #kept(key: string, { range, signal, etag }: PayloadReadOptions): PayloadRead | undefined {
    const name = cacheKey(this.#mount.place, key, etag)
    const payload = this.#cache.find(name)
    if (payload === undefined) return undefined
    const { sizeBytes, etag: keptEtag } = payload.entry
    try {
      const { start, end } = resolveRange(range, sizeBytes, key)
      const reopen = async (position: number) => {
        const again = await this.#mount.read(key, { range: { start: position, end }, signal })
        if (etag === undefined || again.etag === keptEtag) return again.body
        await again.body.cancel()
        throw new MindtraceError('UNAVAILABLE', `'${key}' was changed meanwhile; repeat`, {
          details: { key },
        })
      }
      const body = payload.body({ start, end, reopen, signal })
      const through = (checked: ByteStream) => forgetting(checked, () => this.#cache.forget(name))
      return { body, sizeBytes, etag: keptEtag, through }
    } catch (error) {
      payload.close()
      throw error
    }
  }
}

/**
 * What tells the bytes of a key from all others, on all machines: the service, the bucket, the whole key,
 * and the ETag where the key alone does not.
 */
function cacheKey(place: StorePlace, key: string, etag: string | undefined): string {
  const { service, bucket, prefix } = place
  return JSON.stringify([service, bucket, prefix + key, ...(etag === undefined ? [] : [etag])])
}

function forgetting(body: ByteStream, forget: () => void): ByteStream {
  return checkedStream(body, {
    update: () => {},
    fault: () => undefined,
    broken: (reason) => {
      if (isMindtraceError(reason, 'CORRUPT')) forget()
    },
  })
}
