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
  const readInto = (view: Uint8Array<ArrayBuffer>) => {
    const reading = read(fd, view, 0, Math.min(view.byteLength, end - position), position)
    underWay = reading.catch(() => {}) // the pull that waits for it throws
    return reading
  }
  const readOwn = () => readInto(new Uint8Array(Math.min(chunkBytes, end - position)))
  // One piece ahead: the disk reads while the reader works.
  let ahead: ReturnType<typeof readOwn> | undefined
  const pullInto = async (
    controller: ReadableByteStreamController,
    view: Uint8Array<ArrayBuffer>,
  ) => {
    const { bytesRead } = await readInto(view)
    if (!isOpen) return
    position += bytesRead
    if (bytesRead > 0) controller.byobRequest?.respond(bytesRead)
    return bytesRead
  }
  const pullOwn = async (controller: ReadableByteStreamController) => {
    const { bytesRead, buffer } = await (ahead ?? readOwn())
    ahead = undefined
    if (!isOpen) return
    position += bytesRead
    if (bytesRead > 0 && position < end && controller.byobRequest === null) ahead = readOwn()
    if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead))
    return bytesRead
  }
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        try {
          signal?.throwIfAborted()
          const view = controller.byobRequest?.view as Uint8Array<ArrayBuffer> | null | undefined
          const bytesRead = await (view == null || ahead !== undefined
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
