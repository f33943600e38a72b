import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import {
  type ByteStream,
  LentChunks,
  MindtraceError,
  streamOf,
  systemErrorCode,
} from '@mindtrace/core'
import { RunningHash, sha256Hex } from '@mindtrace/core/hash'
import type { StagedBytes, StageOptions } from '../../mount.ts'
import { stagedElsewhere } from '../mount-errors.ts'
import { discard } from './discard.ts'
import { localError } from './local-errors.ts'

interface Sum {
  readonly sizeBytes: number
  readonly sha256: string
}

const writeChunkBytes = 1024 * 1024
/** So much is written before it is worth a sync of its own. */
const syncAheadBytes = 32 * 1024 * 1024
/** Whole bodies up to this size are written by one synchronous call. */
const smallBytes = 1024 * 1024

// What is needed to read the bytes again, their number too.
const fdatasync = promisify(fs.fdatasync)
const writev = promisify(fs.writev)

/** A file without a name of the mount yet, still open. */
export class StagedFile implements StagedBytes {
  readonly sizeBytes: number
  readonly sha256: string
  readonly path: string
  #fd: number | undefined
  #synced: Promise<void> | undefined
  #isPublished = false

  constructor(path: string, fd: number, sum: Sum) {
    this.path = path
    this.#fd = fd
    this.sizeBytes = sum.sizeBytes
    this.sha256 = sum.sha256
  }

  /** Makes the bytes durable. Once: after a failure the system would say that there is nothing left to do. */
  sync(): Promise<void> {
    this.#synced ??= this.#sync()
    return this.#synced
  }

  async #sync(): Promise<void> {
    if (this.#fd === undefined) return
    try {
      await fdatasync(this.#fd)
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
    if (!this.#isPublished) discard(this.path)
  }
}

/** @throws `INVALID_INPUT` for bytes of another kind of mount. */
export function stagedFile(staged: StagedBytes): StagedFile {
  if (staged instanceof StagedFile) return staged
  throw stagedElsewhere()
}

/** Options of {@link stageAt}. */
export interface LocalStageOptions extends StageOptions {
  /** Whether a sync will follow: a long stream is sent on to the disk while more of it comes. */
  readonly isDurable: boolean
}

/** Takes a body into a new file, counted and hashed; a failure leaves none. */
export async function stageAt(
  path: string,
  body: Uint8Array | ByteStream,
  options: LocalStageOptions,
): Promise<StagedFile> {
  let fd: number | undefined
  try {
    fd = createFile(path)
    if (body instanceof Uint8Array && body.byteLength <= smallBytes) {
      await options.onChunk?.(body)
      return new StagedFile(path, fd, writeSmall(fd, body, options))
    }
    const stream = body instanceof Uint8Array ? streamOf(body) : body
    return new StagedFile(path, fd, await writeStream(fd, stream, options))
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd)
    discard(path)
    throw localError(error, 'write', path)
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

/** While one group of chunks is on its way to the disk, the next is hashed and that after it is read. */
async function writeStream(fd: number, body: ByteStream, options: LocalStageOptions): Promise<Sum> {
  const hash = new RunningHash()
  const chunks = new LentChunks(body, { chunkBytes: writeChunkBytes, fill: true })
  const group = chunks.areLent ? new LentGroup() : new KeptGroup()
  const ahead = new SyncAhead(fd, options)
  const { signal } = options
  const onAbort = () => void chunks.cancel(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const read = () => {
    const reading = chunks.next(group.memory())
    reading.catch(() => {}) // awaited in the next round, if there is one
    return reading
  }
  let writing: Promise<number> = Promise.resolve(0)
  const write = async () => {
    ahead.written(await writing)
    writing = writeAll(fd, group.take())
    writing.catch(() => {}) // awaited below or in the next round
  }
  try {
    let reading = read()
    for (;;) {
      signal?.throwIfAborted()
      const chunk = await reading
      signal?.throwIfAborted()
      if (chunk === undefined) break
      reading = read()
      const seen = options.onChunk?.(chunk)
      hash.update(chunk)
      await seen
      if (group.add(chunk)) await write()
    }
    await write()
    await writing
    await ahead.end()
  } catch (error) {
    await chunks.cancel(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // The file must not be closed under a write.
    await Promise.allSettled([writing, ahead.end()])
  }
  return { sizeBytes: hash.sizeBytes, sha256: hash.digestHex() }
}

/**
 * Sends what was written to the disk while more of it comes, where a sync will follow: that would wait for all of
 * it. One at a time in a process, since each keeps a thread of the pool.
 */
class SyncAhead {
  static #isBusy = false
  readonly #fd: number
  readonly #isWanted: boolean
  #unsyncedBytes = 0
  #underWay: Promise<void> = Promise.resolve()

  constructor(fd: number, { isDurable }: { readonly isDurable: boolean }) {
    this.#fd = fd
    this.#isWanted = isDurable
  }

  written(sizeBytes: number): void {
    this.#unsyncedBytes += sizeBytes
    if (!this.#isWanted || SyncAhead.#isBusy || this.#unsyncedBytes < syncAheadBytes) return
    SyncAhead.#isBusy = true
    this.#unsyncedBytes = 0
    this.#underWay = this.#syncAfter(this.#underWay)
    this.#underWay.catch(() => {}) // thrown by `end`
  }

  /** @throws what any sync failed with: the system says it once. */
  end(): Promise<void> {
    return this.#underWay
  }

  async #syncAfter(before: Promise<void>): Promise<void> {
    try {
      await fdatasync(this.#fd)
    } finally {
      SyncAhead.#isBusy = false
    }
    await before
  }
}

/** Chunks that are worth a write. */
interface Group {
  /** What the next chunk may be read into. */
  memory(): ArrayBuffer | undefined
  /** Whether the group is full now. */
  add(chunk: Uint8Array): boolean
  /** The group, to be written. That before is written by now. */
  take(): readonly Uint8Array[]
}

/** Chunks of a stream that makes memory for each. */
class KeptGroup implements Group {
  #chunks: Uint8Array[] = []
  #bytes = 0

  memory(): undefined {}

  add(chunk: Uint8Array): boolean {
    if (chunk.byteLength > 0) this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    return this.#bytes >= writeChunkBytes
  }

  take(): readonly Uint8Array[] {
    const chunks = this.#chunks
    this.#chunks = []
    this.#bytes = 0
    return chunks
  }
}

/** One chunk at a time, of memory that is used again: one piece is filled, one hashed and one written. */
class LentGroup implements Group {
  #chunk: Uint8Array | undefined
  #written: ArrayBuffer | undefined
  #free: ArrayBuffer | undefined

  memory(): ArrayBuffer {
    const free = this.#free ?? new ArrayBuffer(writeChunkBytes)
    this.#free = undefined
    return free
  }

  add(chunk: Uint8Array): boolean {
    this.#chunk = chunk
    return true
  }

  take(): readonly Uint8Array[] {
    const chunk = this.#chunk
    this.#chunk = undefined
    if (chunk === undefined) return []
    this.#free = this.#written
    this.#written = chunk.buffer as ArrayBuffer
    return [chunk]
  }
}

/** The number of bytes. */
async function writeAll(fd: number, chunks: readonly Uint8Array[]): Promise<number> {
  let total = 0
  let rest = chunks
  while (rest.length > 0) {
    const { bytesWritten } = await writev(fd, rest.slice(0, 512))
    total += bytesWritten
    rest = after(rest, bytesWritten)
  }
  return total
}

function after(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.byteLength) return [chunk.subarray(left), ...chunks.slice(index + 1)]
    left -= chunk.byteLength
  }
  return []
}
