import * as fs from 'node:fs'
import { join, resolve } from 'node:path'
import {
  errorMessage,
  type Logger,
  MindtraceError,
  newToken,
  silentLogger,
  systemErrorCode,
} from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { type CacheEntry, readEntry } from './cache-entry.ts'
import { CacheFill, type FillOutcome } from './cache-fill.ts'
import { type CachedFile, CacheFolder } from './cache-folder.ts'
import { CachedPayload } from './cached-payload.ts'

/** Options of {@link PayloadCache}. */
export interface PayloadCacheOptions {
  /** Made by the first payload that is kept, for this user only. Other files in it are left alone. */
  readonly folder: string
  /** What the entries of all processes may take together. Default 10 GB. */
  readonly maxBytes?: number | undefined
  /** What the cache leaves free on its disk. Default 1 GB. */
  readonly reservedBytes?: number | undefined
  /** Is told, at most once a minute, why nothing can be kept. */
  readonly log?: Logger | undefined
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly now?: (() => number) | undefined
}

/** What a cache holds. */
export interface CacheUsage {
  readonly folder: string
  readonly maxBytes: number
  readonly payloads: number
  /** On disk, unfinished entries included. */
  readonly sizeBytes: number
}

/** The default of {@link PayloadCacheOptions.maxBytes}. */
export const defaultCacheBytes = 10_000_000_000

const defaultReservedBytes = 1_000_000_000
/** How often the use of an entry is written down. */
const touchMs = 60_000
/** How long nothing is kept after the disk has refused it. */
const pauseMs = 60_000
/** Of the limit: what is left when the oldest have gone, and how much is added before others are looked for. */
const fillAfterPruning = 0.9
const lookAgainAfter = 0.05

/**
 * Whole payloads of object stores, kept in a folder of this machine after they were read once. An entry holds
 * the bytes of a key that never changes, so it is never wrong; the least recently used go first. Any number of
 * processes may share a folder. No trouble with it is ever that of a reader: it only costs a request.
 *
 *     <folder>/<2 hex>/<62 hex>    entries, by the SHA-256 of their key; see `cache-entry.ts`
 *     <folder>/drafts/<token>      entries on their way
 *
 * @see registry.md 15
 */
export class PayloadCache {
  readonly folder: string
  readonly maxBytes: number
  readonly #files: CacheFolder
  readonly #reservedBytes: number
  readonly #log: Logger
  readonly #now: () => number
  readonly #filling = new Set<string>()
  /** What the folder held when it was last looked through, and what this process has added since. */
  #foundBytes: number | undefined
  #addedBytes = 0
  #pruning: Promise<void> | undefined
  #pausedUntil = 0
  #quietUntil = 0

  /** Nothing is made or read before the first payload. @throws `INVALID_INPUT` for a limit or a folder that is none. */
  constructor(options: PayloadCacheOptions) {
    const { maxBytes = defaultCacheBytes, reservedBytes = defaultReservedBytes } = options
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw new MindtraceError(
        'INVALID_INPUT',
        `a cache takes a whole number of bytes from 1, not ${maxBytes}`,
      )
    }
    if (options.folder === '') {
      throw new MindtraceError('INVALID_INPUT', 'a cache needs a folder; name one of its own')
    }
    this.folder = resolve(options.folder)
    this.maxBytes = maxBytes
    this.#files = new CacheFolder(this.folder)
    this.#reservedBytes = reservedBytes
    this.#log = options.log ?? silentLogger
    this.#now = options.now ?? Date.now
  }

  /** The whole payload of a key, undefined when it is not here. It must be closed, or its body read. */
  find(key: string): CachedPayload | undefined {
    const path = this.#pathOf(key)
    let fd: number | undefined
    try {
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW)
      const entry = readEntry(fd)
      if (entry?.key !== key) {
        fs.closeSync(fd)
        this.forget(key)
        return undefined
      }
      this.#touch(fd)
      return new CachedPayload(entry, fd, () => this.forget(key))
    } catch (error) {
      if (fd !== undefined) fs.closeSync(fd)
      if (systemErrorCode(error) !== 'ENOENT') this.#complain(error, 'read')
      return undefined
    }
  }

  /** Begins to keep a payload; undefined when it can't be kept, or this process is at it already. */
  fill(facts: Omit<CacheEntry, 'sums'>): CacheFill | undefined {
    const { key, sizeBytes } = facts
    if (sizeBytes > this.maxBytes || this.#filling.has(key)) return undefined
    if (this.#now() < this.#pausedUntil) return undefined
    try {
      this.#files.make()
    } catch (error) {
      this.#pause(error)
      return undefined
    }
    this.#filling.add(key)
    const paths = { draft: this.#files.draft(newToken()), path: this.#pathOf(key) }
    return new CacheFill(facts, paths, (outcome) => {
      this.#filling.delete(key)
      this.#account(outcome)
    })
  }

  /** Drops what is kept of a key. */
  forget(key: string): void {
    try {
      fs.rmSync(this.#pathOf(key), { force: true })
    } catch (error) {
      this.#complain(error, 'drop from')
    }
  }

  /** Looks through the folder. */
  async usage(): Promise<CacheUsage> {
    const files = await this.#files.list()
    return {
      folder: this.folder,
      maxBytes: this.maxBytes,
      payloads: files.filter(({ isDraft }) => !isDraft).length,
      sizeBytes: totalOf(files),
    }
  }

  /** Why nothing can be kept, in words; undefined when something can. Makes the folder. */
  problem(): string | undefined {
    const draft = this.#files.draft(newToken())
    try {
      this.#files.make()
      fs.writeFileSync(draft, '')
      const free = this.#files.freeBytes()
      return free > this.#reservedBytes ? undefined : `${free} bytes are free on its disk`
    } catch (error) {
      return errorMessage(error)
    } finally {
      try {
        fs.rmSync(draft, { force: true })
      } catch {
        // It could not be written either.
      }
    }
  }

  /** Empties the folder; gives what it held. Payloads that are being read stay readable. */
  async clear(): Promise<CacheUsage> {
    const usage = await this.usage()
    for (const { path } of await this.#files.list()) fs.rmSync(path, { force: true })
    this.#foundBytes = undefined
    return usage
  }

  /** Resolves when nothing is tidied up any more. */
  async settled(): Promise<void> {
    while (this.#pruning !== undefined) await this.#pruning
  }

  #account(outcome: FillOutcome): void {
    if (outcome.status === 'failed') {
      // Emptied or removed meanwhile: the next one makes the folder again.
      if (systemErrorCode(outcome.error) === 'ENOENT') this.#files.unmake()
      else this.#pause(outcome.error)
    }
    if (outcome.status !== 'kept') return
    this.#addedBytes += outcome.fileBytes
    this.#pruning ??= this.#tidyUp().finally(() => {
      this.#pruning = undefined
    })
  }

  async #tidyUp(): Promise<void> {
    try {
      while (this.#isToBePruned()) await this.#prune()
    } catch (error) {
      this.#pause(error)
    }
  }

  #isToBePruned(): boolean {
    if (this.#foundBytes === undefined) return true
    // Others add to the folder too, so it is looked through from time to time.
    const isOld = this.#addedBytes > this.maxBytes * lookAgainAfter
    return isOld || this.#foundBytes + this.#addedBytes > this.maxBytes
  }

  async #prune(): Promise<void> {
    this.#addedBytes = 0
    const files = await this.#files.list()
    let total = totalOf(files)
    const limit = Math.min(this.maxBytes, total + this.#files.freeBytes() - this.#reservedBytes)
    const isOver = total > limit
    for (const { path, sizeBytes, isDraft, usedMs } of files.sort((a, b) => a.usedMs - b.usedMs)) {
      const isLeft = isDraft && this.#now() - usedMs > 3_600_000
      const isTooMuch = isOver && !isDraft && total > limit * fillAfterPruning
      if (!isLeft && !isTooMuch) continue
      fs.rmSync(path, { force: true })
      total -= sizeBytes
    }
    this.#foundBytes = total
    // Drafts of this moment can't be removed, and what they take is found again.
    if (limit < this.maxBytes * lookAgainAfter) {
      this.#pause(new Error(`the disk has less than ${this.#reservedBytes} bytes to spare`))
    }
  }

  #touch(fd: number): void {
    try {
      const now = this.#now()
      if (now - fs.fstatSync(fd).mtimeMs > touchMs) fs.futimesSync(fd, now / 1000, now / 1000)
    } catch {
      // A folder that may only be read still serves what it has.
    }
  }

  #pause(error: unknown): void {
    this.#pausedUntil = this.#now() + pauseMs
    this.#complain(error, 'keep payloads in')
  }

  #complain(error: unknown, action: string): void {
    if (this.#now() < this.#quietUntil) return
    this.#quietUntil = this.#now() + pauseMs
    this.#log.warn(
      { folder: this.folder, error: errorMessage(error) },
      `cannot ${action} the cache of payloads; they are read from their stores`,
    )
  }

  #pathOf(key: string): string {
    const hash = sha256Hex(key)
    return join(this.folder, hash.slice(0, 2), hash.slice(2))
  }
}

function totalOf(files: readonly CachedFile[]): number {
  return files.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
}
