import { fstatSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import * as z from 'zod'

/** Bytes of a payload that have one checksum: what is read and checked at once. */
export const blockBytes = 256 * 1024

const Facts = z.object({ key: z.string(), size: z.int().nonnegative(), etag: z.string() })

/** What an entry says about its payload. */
export interface EntryFacts {
  /** Whose bytes they are; see `cacheKey`. */
  readonly key: string
  readonly sizeBytes: number
  /** What the store calls these bytes. */
  readonly etag: string
}

/** An entry whose end could be read. Its blocks are still to be compared with their sums. */
export interface CacheEntry extends EntryFacts {
  /** CRC-32 of each block. */
  readonly sums: Uint32Array
}

const magic = Buffer.from('MTCACHE1')
const tailBytes = 8 + magic.byteLength
const firstLook = 4096

/**
 * The end of an entry. One file holds the payload and what is known of it, so both appear and go at once:
 *
 *     the bytes of the payload, as they are
 *     CRC-32 of each block of 256 KiB, 4 bytes each
 *     the facts, as JSON
 *     length of the JSON, CRC-32 of sums and JSON (4 bytes each), "MTCACHE1"
 */
export function printEntryEnd(
  { key, sizeBytes, etag }: EntryFacts,
  sums: readonly number[],
): Buffer {
  const facts = Buffer.from(JSON.stringify({ key, size: sizeBytes, etag }))
  const end = Buffer.allocUnsafe(sums.length * 4 + facts.byteLength + tailBytes)
  for (const [index, sum] of sums.entries()) end.writeUInt32LE(sum, index * 4)
  let offset = sums.length * 4
  offset += facts.copy(end, offset)
  const sum = crc32(end.subarray(0, offset))
  offset = end.writeUInt32LE(facts.byteLength, offset)
  offset = end.writeUInt32LE(sum, offset)
  magic.copy(end, offset)
  return end
}

/** What an open file says it is; undefined when it is no whole entry. */
export function readEntry(fd: number): CacheEntry | undefined {
  const fileBytes = fstatSync(fd).size
  let end = endOf(fd, fileBytes, firstLook)
  if (end.byteLength < tailBytes || !end.subarray(-magic.byteLength).equals(magic)) return undefined
  const factsBytes = end.readUInt32LE(end.byteLength - tailBytes)
  const sum = end.readUInt32LE(end.byteLength - tailBytes + 4)
  // Each block of the payload adds its size and four bytes to what stands before the facts.
  const blocks = Math.ceil((fileBytes - factsBytes - tailBytes) / (blockBytes + 4))
  const endBytes = blocks * 4 + factsBytes + tailBytes
  if (blocks < 0 || endBytes > fileBytes) return undefined
  if (endBytes > end.byteLength) end = endOf(fd, fileBytes, endBytes)
  const checked = end.subarray(end.byteLength - endBytes, end.byteLength - tailBytes)
  if (checked.byteLength !== endBytes - tailBytes || crc32(checked) !== sum) return undefined
  const facts = Facts.safeParse(jsonOf(checked.subarray(blocks * 4)))
  if (!facts.success || facts.data.size !== fileBytes - endBytes) return undefined
  const { key, size, etag } = facts.data
  const sums = Uint32Array.from({ length: blocks }, (_, index) => checked.readUInt32LE(index * 4))
  return { key, sizeBytes: size, etag, sums }
}

/** Whether bytes are the block of that number. */
export function isBlock(entry: CacheEntry, index: number, bytes: Uint8Array): boolean {
  const length = Math.min(blockBytes, entry.sizeBytes - index * blockBytes)
  return bytes.byteLength === length && crc32(bytes) === entry.sums[index]
}

function endOf(fd: number, fileBytes: number, wanted: number): Buffer {
  const end = Buffer.allocUnsafe(Math.min(wanted, fileBytes))
  const read = readSync(fd, end, 0, end.byteLength, fileBytes - end.byteLength)
  return end.subarray(0, read)
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
