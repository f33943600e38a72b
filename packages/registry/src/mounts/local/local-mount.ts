import * as fs from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  type ByteStream,
  type CallOptions,
  chunksOf,
  MindtraceError,
  mapBounded,
  newToken,
  streamOf,
  systemErrorCode,
  toInstant,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
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
import { checkPrefix, compareKeys } from '../../mount-key.ts'
import { stagingFolder } from '../../object-name.ts'
import { localError } from './local-errors.ts'
import { LocalLocks } from './local-locks.ts'
import { LocalPaths } from './local-paths.ts'

/** Options of {@link LocalMount}. */
export interface LocalMountOptions {
  /**
   * `file` (default): what a write promises survives a power cut. `none`: it survives a crash of the
   * process only; for data that can be made again.
   */
  readonly durability?: 'file' | 'none' | undefined
}

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_DIRECTORY } = fs.constants
const readChunkBytes = 512 * 1024
const writeChunkBytes = 1024 * 1024
/** Whole bodies up to this size are written by one synchronous call. */
const smallBytes = 1024 * 1024
/** Reads up to this size are done while opening. */
const inlineReadBytes = 16 * 1024
const parallelSyncs = 8

const fsync = promisify(fs.fsync)
const read = promisify(fs.read)
const writev = promisify(fs.writev)

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

  async read(key: string, options: ReadOptions = {}): Promise<MountRead> {
    options.signal?.throwIfAborted()
    const path = this.#existing(key)
    const fd = path === undefined ? undefined : this.#openRegular(path, key)
    if (fd === undefined) throw notFound(key, this.location)
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
    await using staged = await this.#checkedStage(key, body, options)
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
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return
      throw localError(error, 'delete', path)
    }
    this.#removeEmptyFolders(dirname(path))
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<MountObject> {
    checkPrefix(prefix)
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    yield* this.#walk(folder, prefix, options)
  }

  async *listFolder(folder: string, options: CallOptions = {}): AsyncIterable<FolderEntry> {
    checkPrefix(folder)
    for (const { name, isFolder } of await this.#entriesOf(folder)) {
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
    const { staging } = await this.#open()
    options.signal?.throwIfAborted()
    const path = join(staging, newToken())
    let fd: number | undefined
    try {
      fd = createFile(path)
      if (body instanceof Uint8Array && body.byteLength <= smallBytes) await options.onChunk?.(body)
      const sum =
        body instanceof Uint8Array && body.byteLength <= smallBytes
          ? writeSmall(fd, body, options)
          : await writeStream(fd, body instanceof Uint8Array ? streamOf(body) : body, options)
      return new StagedFile(path, fd, sum)
    } catch (error) {
      if (fd !== undefined) fs.closeSync(fd)
      fs.rmSync(path, { force: true })
      if (!(body instanceof Uint8Array) && !body.locked) await body.cancel(error).catch(() => {})
      throw localError(error, 'write', path)
    }
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
      return path
    } catch (error) {
      throw localError(error, 'make the folder of', path)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opened?.locks.close()
    this.#opened = undefined
  }

  async #checkedStage(key: string, body: Uint8Array | ByteStream, options: CallOptions) {
    try {
      new LocalPaths(this.#root).pathOf(key)
    } catch (error) {
      if (!(body instanceof Uint8Array)) await body.cancel(error).catch(() => {})
      throw error
    }
    return this.stage(body, options)
  }

  async #open(): Promise<Opened> {
    if (this.#opened !== undefined) return this.#opened
    try {
      fs.mkdirSync(join(this.#root, stagingFolder), { recursive: true })
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

  async *#walk(folder: string, prefix: string, options: CallOptions): AsyncGenerator<MountObject> {
    for (const { name, isFolder } of await this.#entriesOf(folder)) {
      options.signal?.throwIfAborted()
      const key = folder + name
      if (isFolder) {
        const inside = `${key}/`
        if (inside.startsWith(prefix) || prefix.startsWith(inside)) {
          yield* this.#walk(inside, prefix, options)
        }
      } else if (key.startsWith(prefix)) {
        const stat = fs.statSync(join(this.location, key), { throwIfNoEntry: false })
        if (stat !== undefined) yield objectOf(key, stat)
      }
    }
  }

  // Sorted as if folders' names ended in '/', which makes the walk come out in the order of whole keys.
  async #entriesOf(folder: string): Promise<readonly { name: string; isFolder: boolean }[]> {
    const inside = this.#existing(`${folder}-`)
    if (inside === undefined) return []
    const path = dirname(inside)
    try {
      const entries = await readdir(path, { withFileTypes: true })
      return entries
        .filter((entry) => (entry.isFile() || entry.isDirectory()) && !isOurs(folder, entry.name))
        .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
        .sort((a, b) => compareKeys(sortKey(a), sortKey(b)))
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') return []
      throw localError(error, 'list', path)
    }
  }
}

interface Opened {
  readonly paths: LocalPaths
  readonly staging: string
  readonly locks: LocalLocks
}

interface Sum {
  readonly sizeBytes: number
  readonly sha256: string
}

class StagedFile implements StagedBytes {
  readonly sizeBytes: number
  readonly sha256: string
  readonly path: string
  #fd: number | undefined
  #isPublished = false

  constructor(path: string, fd: number, sum: Sum) {
    this.path = path
    this.#fd = fd
    this.sizeBytes = sum.sizeBytes
    this.sha256 = sum.sha256
  }

  async sync(): Promise<void> {
    if (this.#fd === undefined) return
    try {
      await fsync(this.#fd)
    } catch (error) {
      throw localError(error, 'write', this.path)
    }
  }

  /** The file's facts after `name` gave it its name. */
  publish(name: () => void): fs.Stats {
    if (this.#fd === undefined) throw new MindtraceError('INVALID_INPUT', 'staged bytes are gone')
    name()
    this.#isPublished = true
    return fs.fstatSync(this.#fd)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#fd === undefined) return
    fs.closeSync(this.#fd)
    this.#fd = undefined
    if (!this.#isPublished) fs.rmSync(this.path, { force: true })
  }
}

function stagedFile(staged: StagedBytes): StagedFile {
  if (staged instanceof StagedFile) return staged
  throw new MindtraceError('INVALID_INPUT', 'these bytes were staged by another mount')
}

function publishOne(paths: LocalPaths, publication: Publication): Written {
  const staged = stagedFile(publication.staged)
  const target = paths.pathOf(publication.key)
  try {
    const stat = staged.publish(() => {
      withFolder(paths, target, () => {
        if (publication.ifAbsent !== true) fs.renameSync(staged.path, target)
        else fs.linkSync(staged.path, target)
      })
      if (publication.ifAbsent === true) fs.unlinkSync(staged.path)
    })
    return { sizeBytes: staged.sizeBytes, sha256: staged.sha256, etag: etagOf(stat) }
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw alreadyThere(publication.key, error)
    throw localError(error, 'write', target)
  }
}

// A delete, of ours or of Python, may take the empty folder away between making and using it.
function withFolder(paths: LocalPaths, target: string, step: () => void): void {
  for (let attempt = 0; ; attempt++) {
    try {
      paths.ensureFolderOf(target)
      step()
      return
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || attempt >= 8) throw error
      paths.forget()
    }
  }
}

function createFile(path: string): number {
  try {
    return fs.openSync(path, 'wx')
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    fs.mkdirSync(dirname(path), { recursive: true })
    return fs.openSync(path, 'wx')
  }
}

function writeSmall(fd: number, bytes: Uint8Array, options: StageOptions): Sum {
  let offset = 0
  while (offset < bytes.byteLength) offset += fs.writeSync(fd, bytes, offset)
  return { sizeBytes: bytes.byteLength, sha256: options.sha256 ?? sha256Hex(bytes) }
}

// While one group of chunks is on its way to the disk, the next is read and hashed.
async function writeStream(fd: number, body: ByteStream, options: StageOptions): Promise<Sum> {
  const hash = new RunningHash()
  let group: Uint8Array[] = []
  let groupBytes = 0
  let underWay: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of chunksOf(body, options)) {
      if (chunk.byteLength === 0) continue
      const seen = options.onChunk?.(chunk)
      hash.update(chunk)
      await seen
      group.push(chunk)
      groupBytes += chunk.byteLength
      if (groupBytes < writeChunkBytes) continue
      await underWay
      underWay = writeAll(fd, group)
      underWay.catch(() => {}) // awaited below or in the next round
      group = []
      groupBytes = 0
    }
    await underWay
    await writeAll(fd, group)
  } finally {
    await underWay.catch(() => {}) // the file must not be closed under a write
  }
  return { sizeBytes: hash.sizeBytes, sha256: hash.digestHex() }
}

async function writeAll(fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks
  while (rest.length > 0) {
    const { bytesWritten } = await writev(fd, rest.slice(0, 512))
    rest = after(rest, bytesWritten)
  }
}

function after(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.byteLength) return [chunk.subarray(left), ...chunks.slice(index + 1)]
    left -= chunk.byteLength
  }
  return []
}

async function syncFolder(folder: string): Promise<void> {
  let fd: number
  try {
    fd = fs.openSync(folder, O_RDONLY | O_DIRECTORY)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    throw localError(error, 'open', folder)
  }
  try {
    await fsync(fd)
  } catch (error) {
    // Some file systems cannot sync folders.
    if (systemErrorCode(error) !== 'EINVAL') throw localError(error, 'write', folder)
  } finally {
    fs.closeSync(fd)
  }
}

interface OpenedFile extends CallOptions {
  readonly fd: number
  readonly start: number
  readonly end: number
  readonly path: string
}

/** The bytes of an open file; the file is closed by the end, an error or a cancel. */
function bodyOf({ fd, start, end, path, signal }: OpenedFile): ByteStream {
  if (end - start <= inlineReadBytes) {
    const bytes = new Uint8Array(end - start)
    const length = bytes.byteLength === 0 ? 0 : fs.readSync(fd, bytes, 0, bytes.byteLength, start)
    fs.closeSync(fd)
    return streamOf(bytes.subarray(0, length))
  }
  let position = start
  let isOpen = true
  const close = () => {
    if (isOpen) fs.closeSync(fd)
    isOpen = false
  }
  const readNext = () => {
    const buffer = new Uint8Array(Math.min(readChunkBytes, end - position))
    const reading = read(fd, buffer, 0, buffer.byteLength, position)
    underWay = reading.catch(() => {}) // the pull that waits for it throws
    return reading
  }
  // One piece ahead: the disk reads while the reader works.
  let ahead: ReturnType<typeof readNext> | undefined
  let underWay: Promise<unknown> = Promise.resolve()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          signal?.throwIfAborted()
          const { bytesRead, buffer } = await (ahead ?? readNext())
          ahead = undefined
          if (!isOpen) return
          position += bytesRead
          const isEnd = bytesRead === 0 || position >= end
          if (!isEnd) ahead = readNext()
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead))
          if (!isEnd) return
          close()
          controller.close()
        } catch (error) {
          await underWay
          close()
          controller.error(localError(error, 'read', path))
        }
      },
      async cancel() {
        await underWay // a closed number may be another file's the next moment
        close()
      },
    },
    { highWaterMark: 0 },
  )
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw localError(error, 'list', folder)
  }
}

function isOurs(folder: string, name: string): boolean {
  return folder === '' && name === stagingFolder
}

function sortKey(entry: { readonly name: string; readonly isFolder: boolean }): string {
  return entry.isFolder ? `${entry.name}/` : entry.name
}

function objectOf(key: string, stat: fs.Stats): MountObject {
  return { key, sizeBytes: stat.size, etag: etagOf(stat), modifiedAt: toInstant(stat.mtime) }
}

// A publish gives a new inode; a Python writer that truncates in place changes time or size.
function etagOf(stat: fs.Stats): string {
  return `${stat.ino.toString(36)}-${stat.mtimeMs.toString(36)}-${stat.size.toString(36)}`
}

function noFolder(root: string): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `the folder '${root}' is not there any more; is its disk mounted?`,
    { details: { path: root } },
  )
}

function notFound(key: string, location: string): MindtraceError {
  return new MindtraceError('NOT_FOUND', `nothing at '${key}' in '${location}'`, {
    details: { key },
  })
}

function alreadyThere(key: string, cause: unknown): MindtraceError {
  return new MindtraceError('PRECONDITION_FAILED', `'${key}' exists already`, {
    cause,
    details: { key },
  })
}
