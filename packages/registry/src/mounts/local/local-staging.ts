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
import { localError } from './local-errors.ts'

interface Sum {
  readonly sizeBytes: number
  readonly sha256: string
}

const writeChunkBytes = 1024 * 1024
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
    if (!this.#isPublished) fs.rmSync(this.path, { force: true })
  }
}

/** @throws `INVALID_INPUT` for bytes of another kind of mount. */
export function stagedFile(staged: StagedBytes): StagedFile {
  if (staged instanceof StagedFile) return staged
  throw stagedElsewhere()
}

/** Takes a body into a new file, counted and hashed; a failure leaves none and cancels the stream. */
export async function stageAt(
  path: string,
  body: Uint8Array | ByteStream,
  options: StageOptions,
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
    fs.rmSync(path, { force: true })
    if (!(body instanceof Uint8Array) && !body.locked) await body.cancel(error).catch(() => {})
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

/** While some chunks are on their way to the disk, the next are read and hashed. */
async function writeStream(fd: number, body: ByteStream, options: StageOptions): Promise<Sum> {
  const hash = new RunningHash()
  const chunks = new LentChunks(body, { chunkBytes: writeChunkBytes, fill: true })
  const group = chunks.areLent ? new LentGroup() : new KeptGroup()
  const { signal } = options
  const onAbort = () => void chunks.cancel(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  let underWay: Promise<void> = Promise.resolve()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const chunk = await chunks.next(group.memory())
      signal?.throwIfAborted()
      if (chunk === undefined) break
      const seen = options.onChunk?.(chunk)
      hash.update(chunk)
      await seen
      if (!group.add(chunk)) continue
      await underWay
      underWay = writeAll(fd, group.take())
      underWay.catch(() => {}) // awaited below or in the next round
    }
    await underWay
    await writeAll(fd, group.take())
  } catch (error) {
    await chunks.cancel(error)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await underWay.catch(() => {}) // the file must not be closed under a write
  }
  return { sizeBytes: hash.sizeBytes, sha256: hash.digestHex() }
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

/** One chunk at a time, of memory that is used again: one piece is filled while the other is written. */
class LentGroup implements Group {
  #chunk: Uint8Array | undefined
  #written: ArrayBuffer | undefined
  #free: ArrayBuffer | undefined

  memory(): ArrayBuffer {
    return this.#free ?? new ArrayBuffer(writeChunkBytes)
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
