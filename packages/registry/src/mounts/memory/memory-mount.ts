import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ByteStream,
  bytesOf,
  type CallOptions,
  type Clock,
  dropBody,
  type Instant,
  streamOf,
  systemClock,
} from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { resolveRange } from '../../byte-range.ts'
import type {
  FileMount,
  FolderEntry,
  MountLock,
  MountObject,
  MountRead,
  Publication,
  ReadOptions,
  StagedBytes,
  StageOptions,
  WriteOptions,
  Written,
} from '../../mount.ts'
import { checkKey, checkPrefix, compareKeys } from '../../mount-key.ts'
import { existsAlready, nothingAt, stagedElsewhere } from '../mount-errors.ts'

interface Entry {
  readonly bytes: Uint8Array
  readonly etag: string
  readonly modifiedAt: Instant
}

/** A mount in the memory of one process, for tests and for lakes that need not last. */
export class MemoryMount implements FileMount {
  readonly capabilities = { persistent: false, files: true } as const
  readonly location = 'memory:'
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #locked = new Set<string>()
  #writes = 0

  constructor(options: { readonly clock?: Clock | undefined } = {}) {
    this.#clock = options.clock ?? systemClock
  }

  async ping({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
  }

  async isThere(): Promise<boolean> {
    return true
  }

  async read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    checkKey(key)
    options.signal?.throwIfAborted()
    const entry = this.#entries.get(key)
    if (entry === undefined) {
      throw nothingAt(key, this.location)
    }
    const { start, end } = resolveRange(options.range, entry.bytes.byteLength, key)
    return {
      body: streamOf(new Uint8Array(entry.bytes.subarray(start, end))),
      sizeBytes: entry.bytes.byteLength,
      etag: entry.etag,
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<MountObject | undefined> {
    checkKey(key)
    options.signal?.throwIfAborted()
    const entry = this.#entries.get(key)
    return entry === undefined ? undefined : objectOf(key, entry)
  }

  async write(
    key: string,
    body: Uint8Array | ByteStream,
    options: WriteOptions = {},
  ): Promise<Written> {
    try {
      checkKey(key)
    } catch (error) {
      await dropBody(body, error)
      throw error
    }
    await using staged = await this.stage(body, options)
    const [outcome] = await this.publish([{ key, staged, ifAbsent: options.ifAbsent }], options)
    if (outcome?.status === 'fulfilled') return outcome.value
    throw outcome?.reason
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    checkKey(key)
    options.signal?.throwIfAborted()
    this.#entries.delete(key)
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<MountObject> {
    checkPrefix(prefix)
    for (const key of this.#keysWith(prefix)) {
      options.signal?.throwIfAborted()
      const entry = this.#entries.get(key)
      if (entry !== undefined) yield objectOf(key, entry)
    }
  }

  async *listFolder(folder: string, options: CallOptions = {}): AsyncIterable<FolderEntry> {
    checkPrefix(folder)
    let last = ''
    for (const key of this.#keysWith(folder)) {
      options.signal?.throwIfAborted()
      const slash = key.indexOf('/', folder.length)
      const entry = slash < 0 ? key : key.slice(0, slash + 1)
      if (entry !== last) yield { kind: slash < 0 ? 'object' : 'folder', key: entry }
      last = entry
    }
  }

  async sweep(): Promise<number> {
    return 0
  }

  async stage(body: Uint8Array | ByteStream, options: StageOptions = {}): Promise<StagedBytes> {
    if (body instanceof Uint8Array) options.signal?.throwIfAborted()
    // A copy: `slice` of a Buffer is none. An abort cancels a stream.
    const bytes =
      body instanceof Uint8Array ? new Uint8Array(body) : await bytesOf(body, Infinity, options)
    await options.onChunk?.(bytes)
    return new StagedInMemory(bytes)
  }

  async makeDurable(): Promise<void> {}

  async publish(
    publications: readonly Publication[],
    options: CallOptions = {},
  ): Promise<PromiseSettledResult<Written>[]> {
    return publications.map((publication) => {
      try {
        options.signal?.throwIfAborted()
        return { status: 'fulfilled', value: this.publishOne(publication) }
      } catch (reason) {
        return { status: 'rejected', reason }
      }
    })
  }

  async lock(
    name: string,
    { waitMs = 0, signal }: CallOptions & { readonly waitMs?: number | undefined } = {},
  ): Promise<MountLock | undefined> {
    const deadline = performance.now() + waitMs
    for (;;) {
      signal?.throwIfAborted()
      if (!this.#locked.has(name)) return this.#heldLock(name)
      if (performance.now() >= deadline) return undefined
      await sleep(1)
    }
  }

  async isLocked(name: string): Promise<boolean> {
    return this.#locked.has(name)
  }

  async localPath(key: string): Promise<undefined> {
    checkKey(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #heldLock(name: string): MountLock {
    let isReleased = false
    this.#locked.add(name)
    return {
      isHeld: () => !isReleased,
      [Symbol.asyncDispose]: async () => {
        if (!isReleased) this.#locked.delete(name)
        isReleased = true
      },
    }
  }

  /** The facts about a key, at once. @internal */
  peek(key: string): { readonly etag: string } | undefined {
    checkKey(key)
    return this.#entries.get(key)
  }

  /** Names staged bytes, at once. @internal */
  publishOne({ key, staged, ifAbsent }: Publication): Written {
    checkKey(key)
    if (!(staged instanceof StagedInMemory)) {
      throw stagedElsewhere()
    }
    if (ifAbsent === true && this.#entries.has(key)) {
      throw existsAlready(key)
    }
    const etag = String(++this.#writes)
    this.#entries.set(key, { bytes: staged.bytes, etag, modifiedAt: this.#clock.now() })
    return { sizeBytes: staged.sizeBytes, sha256: staged.sha256, etag }
  }

  #keysWith(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys)
  }
}

class StagedInMemory implements StagedBytes {
  readonly bytes: Uint8Array
  readonly sizeBytes: number
  readonly sha256: string

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.sizeBytes = bytes.byteLength
    this.sha256 = sha256Hex(bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function objectOf(key: string, entry: Entry): MountObject {
  return {
    key,
    sizeBytes: entry.bytes.byteLength,
    etag: entry.etag,
    modifiedAt: entry.modifiedAt,
  }
}
