import { closeSync, fstatSync, open, read } from 'node:fs'
import { promisify } from 'node:util'
import type { IngestPayload } from '@mindtrace/contract'
import { type Bytes, MindtraceError } from '@mindtrace/core'
import { fileStream } from '@mindtrace/core/files'

/** Files up to this size are read whole, once. */
export const wholeFileBytes = 8 * 1024 * 1024

const edgeBytes = 1024 * 1024

/** A file's bytes for an ingest, and enough of them to judge it. */
export interface PayloadFile {
  readonly sizeBytes: number
  readonly payload: IngestPayload
  readonly whole: boolean
  /** The file's start and end; both are the whole file when it was read whole. */
  readonly head: Uint8Array
  readonly tail: Uint8Array
}

// Opening and reading wait for the disk and run beside us. The state and the end of an open file do not
// wait, and cost less than the way to another thread and back.
const openFile = promisify(open)

/**
 * Reads a file of up to {@link wholeFileBytes} whole, and of a larger one the edges.
 *
 * @throws the system's error, and `INVALID_INPUT` when this is no regular file.
 */
export async function readPayloadFile(path: string): Promise<PayloadFile> {
  const file = await openFile(path, 'r')
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw new MindtraceError('INVALID_INPUT', `not a regular file: ${path}`)
    const sizeBytes = stats.size
    if (sizeBytes <= wholeFileBytes) {
      const bytes = await readPart(file, 0, sizeBytes)
      return {
        sizeBytes: bytes.byteLength,
        payload: bytes,
        whole: true,
        head: bytes,
        tail: bytes,
      }
    }
    return {
      sizeBytes,
      payload: () => fileStream(path),
      whole: false,
      head: await readHead(file),
      tail: await readPart(file, sizeBytes - edgeBytes, edgeBytes),
    }
  } finally {
    closeSync(file)
  }
}

/** A small file whole, or null when it is larger than `limitBytes`. */
export async function readSmallFile(path: string, limitBytes: number): Promise<Bytes | null> {
  const file = await openFile(path, 'r')
  try {
    const { size } = fstatSync(file)
    return size > limitBytes ? null : await readPart(file, 0, size)
  } finally {
    closeSync(file)
  }
}

/**
 * The start of a large file. A TIFF often has its directory at the end: then it is read from there and
 * put where a reader of headers finds it.
 */
async function readHead(file: number): Promise<Bytes> {
  const head = await readPart(file, 0, edgeBytes)
  const view = new DataView(head.buffer)
  const mark = view.getUint32(0)
  if (mark !== 0x49492a00 && mark !== 0x4d4d002a) return head
  const isLittleEndian = mark === 0x49492a00
  const directory = await readPart(file, view.getUint32(4, isLittleEndian), 64 * 1024)
  const moved = new Uint8Array(8 + directory.byteLength)
  moved.set(head.subarray(0, 4))
  new DataView(moved.buffer).setUint32(4, 8, isLittleEndian)
  moved.set(directory, 8)
  return moved
}

/** Fewer bytes than asked when the file ends before. */
async function readPart(file: number, position: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length)
  let filled = 0
  while (filled < length) {
    const count = await readSome(file, bytes, filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return filled === length ? bytes : bytes.subarray(0, filled)
}

function readSome(
  file: number,
  bytes: Uint8Array,
  offset: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, bytes, offset, bytes.byteLength - offset, position, (error, count) =>
      error === null ? resolve(count) : reject(error),
    )
  })
}
