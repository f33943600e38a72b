import * as fs from 'node:fs'
import { type ByteStream, type CallOptions, streamOf } from '@mindtrace/core'
import { type FilePart, filePartStream } from '@mindtrace/core/files'
import { localError } from './local-errors.ts'

/** Bytes of an open file. */
export interface OpenedFile extends FilePart, CallOptions {
  /** For messages. */
  readonly path: string
}

/** Reads up to this size are done while opening. */
const inlineReadBytes = 16 * 1024

/** The bytes of an open file; the file is closed by the end, an error or a cancel. */
export function bodyOf({ path, signal, ...part }: OpenedFile): ByteStream {
  const { fd, start, end } = part
  if (end - start > inlineReadBytes) {
    return filePartStream(part, { signal, failure: (error) => localError(error, 'read', path) })
  }
  const bytes = new Uint8Array(end - start)
  const length = bytes.byteLength === 0 ? 0 : fs.readSync(fd, bytes, 0, bytes.byteLength, start)
  fs.closeSync(fd)
  return streamOf(bytes.subarray(0, length))
}
