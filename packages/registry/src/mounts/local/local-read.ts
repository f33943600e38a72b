import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { type ByteStream, type CallOptions, endOf, streamOf } from '@mindtrace/core'
import { localError } from './local-errors.ts'

/** Bytes of an open file. */
export interface OpenedFile extends CallOptions {
  readonly fd: number
  readonly start: number
  /** Not in it. */
  readonly end: number
  /** For messages. */
  readonly path: string
}

/** Reads up to this size are done while opening. */
const inlineReadBytes = 16 * 1024
/** For readers that bring no memory. Small, since what they leave is collected late: see `LentChunks`. */
const chunkBytes = 64 * 1024
/** Chunks are copied out of blocks of this size: to ask the system for each costs several times the copy. */
const blockBytes = 1024 * 1024

const read = promisify(fs.read)

/**
 * The bytes of an open file; the file is closed by the end, an error or a cancel. A byte stream: the memory that a
 * reader brings is filled by the system, without a copy.
 */
export function bodyOf({ fd, start, end, path, signal }: OpenedFile): ByteStream {
  if (end - start <= inlineReadBytes) {
    const bytes = new Uint8Array(end - start)
    const length = bytes.byteLength === 0 ? 0 : fs.readSync(fd, bytes, 0, bytes.byteLength, start)
    fs.closeSync(fd)
    return streamOf(bytes.subarray(0, length))
  }
  let position = start
  let isOpen = true
  let underWay: Promise<unknown> = Promise.resolve()
  const close = () => {
    if (isOpen) fs.closeSync(fd)
    isOpen = false
  }
  const readAt = (view: Uint8Array<ArrayBuffer>, from: number) => {
    const reading = read(fd, view, 0, Math.min(view.byteLength, end - from), from)
    underWay = reading.catch(() => {}) // the pull that waits for it throws
    return reading
  }
  // What was read and waits to be handed out, and one block ahead: the disk reads while the reader works.
  let block: Uint8Array<ArrayBuffer> = new Uint8Array()
  let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined
  let spare: ArrayBuffer | undefined
  const readBlock = async (from: number) => {
    const sizeBytes = Math.min(blockBytes, end - from)
    const buffer =
      spare !== undefined && spare.byteLength >= sizeBytes ? spare : new ArrayBuffer(sizeBytes)
    spare = undefined
    const { bytesRead } = await readAt(new Uint8Array(buffer), from)
    return new Uint8Array(buffer, 0, bytesRead)
  }
  const nextChunk = async () => {
    if (block.byteLength === 0) {
      block = await (ahead ?? readBlock(position))
      ahead = undefined
      const from = position + block.byteLength
      if (isOpen && block.byteLength > 0 && from < end) {
        ahead = readBlock(from)
        ahead.catch(() => {}) // thrown where it is awaited, if ever
      }
    }
    const isOwn = block.byteLength === block.buffer.byteLength && block.byteLength <= chunkBytes
    const chunk = isOwn ? block : block.slice(0, chunkBytes)
    block = block.subarray(chunk.byteLength)
    if (block.byteLength === 0 && !isOwn) spare = block.buffer
    return chunk
  }
  const pullInto = async (
    controller: ReadableByteStreamController,
    view: Uint8Array<ArrayBuffer>,
  ) => {
    const { bytesRead } = await readAt(view, position)
    if (!isOpen) return
    position += bytesRead
    if (bytesRead > 0) controller.byobRequest?.respond(bytesRead)
    return bytesRead
  }
  const pullOwn = async (controller: ReadableByteStreamController) => {
    const chunk = await nextChunk()
    if (!isOpen) return
    const bytesRead = chunk.byteLength
    position += bytesRead
    // Takes the chunk's memory away.
    if (bytesRead > 0) controller.enqueue(chunk)
    return bytesRead
  }
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        try {
          signal?.throwIfAborted()
          const view = controller.byobRequest?.view as Uint8Array<ArrayBuffer> | null | undefined
          const bytesRead = await (view == null || block.byteLength > 0 || ahead !== undefined
            ? pullOwn(controller)
            : pullInto(controller, view))
          if (!isOpen || (bytesRead !== 0 && position < end)) return
          close()
          endOf(controller)
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
