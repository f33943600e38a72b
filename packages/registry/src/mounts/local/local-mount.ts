import * as fs from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type ByteStream,
  type CallOptions,
  dropBody,
  MindtraceError,
  mapBounded,
  newToken,
  systemErrorCode,
} from '@mindtrace/core'
import { resolveRange } from '../../byte-range.ts'
import type {
  Durability,
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
import { checkPrefix } from '../../mount-key.ts'
import { stagingFolder } from '../../object-name.ts'
import { nothingAt } from '../mount-errors.ts'
import { localError } from './local-errors.ts'
import { etagOf, objectOf } from './local-facts.ts'
import { entriesOf, type Listing, namesIn, walk } from './local-list.ts'
import { LocalLocks } from './local-locks.ts'
import { LocalPaths } from './local-paths.ts'
import { publishOne, syncFolder } from './local-publish.ts'
import { bodyOf } from './local-read.ts'
import { stageAt, stagedFile } from './local-staging.ts'

/** Options of {@link LocalMount}. */
export interface LocalMountOptions {
  /**
   * `file` (default): what a write promises survives a power cut. `none`: it survives a crash of the
   * process only; for data that can be made again.
   */
  readonly durability?: 'file' | 'none' | undefined
}

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants
const parallelSyncs = 8

/**
 * A folder of this machine as a mount.
 *
 *     <root>/<key>                 the bytes
 *     <root>/.mt-staging/<token>   what is not published yet
 *     <root>/_locks_<name>/…       lock files, those of the reference
 *
 * Opening, naming and looking up are synchronous system calls: on a local disk each costs the main
 * thread less than handing it to the thread pool does. Bytes and `fsync` go through the pool.
 */
export class LocalMount implements FileMount {
  readonly capabilities = { persistent: true, files: true } as const
  readonly #root: string
  readonly #isDurable: boolean
  #opened: Opened | undefined
  #wasThere = false

  /** `root` is made by the first write, not before. */
  constructor(root: string, options: LocalMountOptions = {}) {
    this.#root = resolve(root)
    this.#isDurable = options.durability !== 'none'
  }

  get location(): string {
    return this.#opened?.paths.root ?? this.#root
  }

  async ping(options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    try {
      // Through the thread pool, unlike other look-ups: a file system that hangs must not hold up the rest.
      const found = await stat(this.#root)
      if (!found.isDirectory()) throw noFolder(this.#root)
      this.#wasThere = true
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw localError(error, 'look up', this.#root)
      if (this.#wasThere || this.#opened !== undefined) throw noFolder(this.#root)
    }
  }

  async isThere(options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    return fs.statSync(this.#root, { throwIfNoEntry: false })?.isDirectory() === true
  }

  async read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    options.signal?.throwIfAborted()
    const path = this.#existing(key)
    const fd = path === undefined ? undefined : this.#openRegular(path, key)
    if (fd === undefined) throw nothingAt(key, this.location)
    try {
      const stat = fs.fstatSync(fd)
      const { start, end } = resolveRange(options.range, stat.size, key)
      const body = bodyOf({ fd, start, end, path: path ?? key, signal: options.signal })
      return { body, sizeBytes: stat.size, etag: etagOf(stat) }
    } catch (error) {
      fs.closeSync(fd)
      throw localError(error, 'read', path ?? key)
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<MountObject | undefined> {
    options.signal?.throwIfAborted()
    const path = this.#existing(key)
    if (path === undefined) return undefined
    try {
      const stat = fs.statSync(path, { throwIfNoEntry: false })
      return stat?.isFile() ? objectOf(key, stat) : undefined
    } catch (error) {
      if (systemErrorCode(error) === 'ENOTDIR') return undefined
      throw localError(error, 'look up', path)
    }
  }

  async write(
    key: string,
    body: Uint8Array | ByteStream,
    options: WriteOptions = {},
  ): Promise<Written> {
    try {
      new LocalPaths(this.#root).pathOf(key)
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
    options.signal?.throwIfAborted()
    const path = this.#existing(key)
    if (path === undefined) return
    try {
      fs.unlinkSync(path)
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOTDIR' || code === 'EISDIR') return
      // A folder may have been made for what never came: see `localPath`.
      if (code !== 'ENOENT') throw localError(error, 'delete', path)
    }
    this.#removeEmptyFolders(dirname(path))
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<MountObject> {
    checkPrefix(prefix)
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    yield* walk(this.#listing(), { folder, prefix }, options)
  }

  async *listFolder(folder: string, options: CallOptions = {}): AsyncIterable<FolderEntry> {
    checkPrefix(folder)
    for (const { name, isFolder } of await entriesOf(this.#listing(), folder)) {
      options.signal?.throwIfAborted()
      if (!isFolder) yield { kind: 'object', key: folder + name }
      else yield { kind: 'folder', key: `${folder}${name}/` }
    }
  }

  async sweep(options: CallOptions & { readonly olderThanMs: number }): Promise<number> {
    const staging = join(this.location, stagingFolder)
    let removed = 0
    for (const name of await namesIn(staging)) {
      options.signal?.throwIfAborted()
      const path = join(staging, name)
      const stat = fs.lstatSync(path, { throwIfNoEntry: false })
      if (stat === undefined || Date.now() - stat.mtimeMs < options.olderThanMs) continue
      fs.rmSync(path, { force: true, recursive: true })
      removed++
    }
    return removed
  }

  async stage(body: Uint8Array | ByteStream, options: StageOptions = {}): Promise<StagedBytes> {
    try {
      const { staging } = await this.#open()
      options.signal?.throwIfAborted()
      const isDurable = this.#isDurable
      return await stageAt(join(staging, newToken()), body, { ...options, isDurable })
    } catch (error) {
      await dropBody(body, error)
      throw error
    }
  }

  async makeDurable(staged: readonly StagedBytes[], options: CallOptions = {}): Promise<void> {
    if (!this.#isDurable) return
    const sync = (one: StagedBytes) =>
      stagedFile(one)
        .sync()
        .catch(() => {}) // its publish throws it
    await mapBounded(staged, parallelSyncs, sync, options)
  }

  async publish(
    publications: readonly Publication[],
    options: CallOptions & { readonly durability?: Durability | undefined } = {},
  ): Promise<PromiseSettledResult<Written>[]> {
    const { paths } = await this.#open()
    const durability = this.#isDurable ? (options.durability ?? 'full') : 'none'
    const failures = await this.#makeDurable(publications, durability, options)
    const folders = new Set<string>()
    const outcomes = publications.map((publication, index): PromiseSettledResult<Written> => {
      const failure = failures[index]
      if (failure !== undefined) return { status: 'rejected', reason: failure.reason }
      try {
        options.signal?.throwIfAborted()
        const value = publishOne(paths, publication)
        folders.add(dirname(paths.pathOf(publication.key)))
        return { status: 'fulfilled', value }
      } catch (reason) {
        return { status: 'rejected', reason }
      }
    })
    if (durability === 'full') await mapBounded([...folders], parallelSyncs, syncFolder)
    return outcomes
  }

  async lock(
    name: string,
    options: CallOptions & { readonly waitMs?: number | undefined } = {},
  ): Promise<MountLock | undefined> {
    const { locks, paths } = await this.#open()
    const path = paths.pathOf(`_locks_${name}/_exclusive`)
    try {
      return await locks.acquire(name, options)
    } catch (error) {
      throw localError(error, 'lock', path)
    }
  }

  async isLocked(name: string): Promise<boolean> {
    const path = this.#existing(`_locks_${name}/_exclusive`)
    if (path === undefined) return false
    return new LocalLocks(this.location, '').isLocked(name)
  }

  async localPath(
    key: string,
    options: { readonly makeFolder?: boolean | undefined } = {},
  ): Promise<string> {
    const { paths } = await this.#open()
    const path = paths.pathOf(key)
    try {
      if (options.makeFolder === true) paths.ensureFolderOf(path)
      // Others write there, who could put a link in its place.
      paths.forgetFolderOf(path)
      return path
    } catch (error) {
      throw localError(error, 'make the folder of', path)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opened?.locks.close()
    this.#opened = undefined
  }

  async #open(): Promise<Opened> {
    if (this.#opened !== undefined) return this.#opened
    try {
      makeFolders(join(this.#root, stagingFolder))
      const root = await realpath(this.#root)
      const staging = join(root, stagingFolder)
      this.#opened ??= {
        paths: new LocalPaths(root),
        staging,
        locks: new LocalLocks(root, staging),
      }
      return this.#opened
    } catch (error) {
      throw localError(error, 'open', this.#root)
    }
  }

  // Reading makes nothing: a root that does not exist yet is an empty mount.
  #existing(key: string): string | undefined {
    let paths = this.#opened?.paths
    try {
      paths ??= new LocalPaths(
        fs.existsSync(this.#root) ? fs.realpathSync.native(this.#root) : this.#root,
      )
      return paths.existing(key)
    } catch (error) {
      throw localError(error, 'look up', join(this.#root, key))
    }
  }

  #openRegular(path: string, key: string): number | undefined {
    let fd: number
    try {
      // Without O_NONBLOCK a pipe would hold the process until somebody writes into it.
      fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      if (code === 'ELOOP') return this.#openLink(path, key)
      throw localError(error, 'read', path)
    }
    const stat = fs.fstatSync(fd)
    if (stat.isFile()) return fd
    fs.closeSync(fd)
    if (stat.isDirectory()) return undefined
    throw new MindtraceError('FORBIDDEN', `cannot read '${path}': it is no regular file`, {
      details: { path },
    })
  }

  // Links within the mount are followed, others refused.
  #openLink(path: string, key: string): number | undefined {
    const root = this.#opened?.paths.root ?? fs.realpathSync.native(this.#root)
    let target: string
    try {
      target = fs.realpathSync.native(path)
    } catch (error) {
      throw localError(error, 'read', path)
    }
    if (target.startsWith(`${root}/`)) return this.#openRegular(target, key)
    throw new MindtraceError('FORBIDDEN', `'${path}' is a link that leaves the mount '${root}'`, {
      details: { path },
    })
  }

  async #makeDurable(
    publications: readonly Publication[],
    durability: Durability,
    options: CallOptions,
  ): Promise<({ readonly reason: unknown } | undefined)[]> {
    if (durability === 'none') return []
    return mapBounded(publications, parallelSyncs, async ({ staged }) => {
      try {
        options.signal?.throwIfAborted()
        await stagedFile(staged).sync()
        return undefined
      } catch (reason) {
        return { reason }
      }
    })
  }

  #listing(): Listing {
    return { root: this.location, existing: (key) => this.#existing(key) }
  }

  #removeEmptyFolders(folder: string): void {
    for (let current = folder; current.length > this.location.length; current = dirname(current)) {
      try {
        fs.rmdirSync(current)
        this.#opened?.paths.forget()
      } catch {
        return // not empty, or gone already
      }
    }
  }
}

interface Opened {
  readonly paths: LocalPaths
  readonly staging: string
  readonly locks: LocalLocks
}

function makeFolders(path: string): void {
  try {
    fs.mkdirSync(path, { recursive: true })
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    // What Node says of a file system that is read-only, too: making one folder tells.
    let missing = path
    while (!fs.existsSync(dirname(missing))) missing = dirname(missing)
    fs.mkdirSync(missing)
    fs.mkdirSync(path, { recursive: true })
  }
}

function noFolder(root: string): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `the folder '${root}' is not there any more; is its disk mounted?`,
    { details: { path: root } },
  )
}
