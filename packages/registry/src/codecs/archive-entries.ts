import { posix } from 'node:path'
import {
  type ByteStream,
  type CallOptions,
  chunksOf,
  errorMessage,
  isMindtraceError,
  MindtraceError,
} from '@mindtrace/core'
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar'

/** One thing in the archive of a folder. */
export interface ArchiveEntry {
  /** Within the folder, with `/`; never leaves it. Empty for the folder itself. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'link' | 'same-file'
  /** 0 for all but files. */
  readonly sizeBytes: number
  /** Permission bits, such as 0o644; never set-user-id or the like. */
  readonly mode: number
  readonly modifiedAt: Date
  /** Of a link: as it is written there. Of a same-file (hard link): the path of that file. */
  readonly target: string | undefined
  /** Of a file: its bytes, which must be read or cancelled before the next entry is asked for. */
  readonly body: ByteStream | undefined
}

/** How much an archive may hold; more is `TOO_LARGE`. */
export interface ArchiveLimits {
  /** Files, folders and links. Default a million. */
  readonly maxEntries?: number | undefined
  /** All files together, uncompressed. Default 100 GiB. */
  readonly maxBytes?: number | undefined
}

/**
 * The entries of a gzipped tar as it streams by. Names are checked before anything is handed out.
 *
 * @throws {@link MindtraceError} `CORRUPT` for what is no gzipped tar or ends early; `INVALID_INPUT` for
 * names that leave the folder, devices and pipes; `TOO_LARGE` past the limits.
 */
export async function* archiveEntries(
  archive: ByteStream,
  options: CallOptions & ArchiveLimits = {},
): AsyncGenerator<ArchiveEntry> {
  const { maxEntries = 1_000_000, maxBytes = 100 * 1024 ** 3 } = options
  let entries = 0
  let bytes = 0
  try {
    const decoder = createTarDecoder({ strict: true })
    const parsed = archive
      .pipeThrough<Uint8Array>(new DecompressionStream('gzip') as TransformStream)
      .pipeThrough(decoder)
    for await (const entry of parsed) {
      options.signal?.throwIfAborted()
      const checked = checkEntry(entry)
      entries++
      bytes += checked.sizeBytes
      if (entries > maxEntries) throw tooLarge('maxEntries', maxEntries)
      if (bytes > maxBytes) throw tooLarge('maxBytes', maxBytes)
      const { body } = checked
      yield body === undefined ? checked : { ...checked, body: ofArchive(body, options) }
      if (checked.body === undefined) await entry.body.cancel()
    }
  } catch (error) {
    throw archiveError(error, options)
  }
}

/** The body of an entry, failing as the archive does. */
function ofArchive(body: ByteStream, options: CallOptions): ByteStream {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunksOf(body, options)
    } catch (error) {
      throw archiveError(error, options)
    }
  }
  return ReadableStream.from(chunks()) as ByteStream
}

/** Errors of gzip and tar become ours; ours, and the signal's reason, stay as they are. */
function archiveError(error: unknown, { signal }: CallOptions): unknown {
  if (isMindtraceError(error) || (signal?.aborted && error === signal.reason)) return error
  return new MindtraceError(
    'CORRUPT',
    `the archive of a folder is damaged: ${errorMessage(error)}`,
    { cause: error },
  )
}

function checkEntry({ header, body }: ParsedTarEntry): ArchiveEntry {
  const path = safePath(header.name)
  const shared = {
    path,
    mode: (header.mode ?? 0o644) & 0o777,
    modifiedAt: header.mtime ?? new Date(0),
    target: undefined,
    sizeBytes: 0,
    body: undefined,
  }
  const { linkname = '' } = header
  switch (header.type) {
    case 'directory':
      return { ...shared, kind: 'folder' }
    case 'file':
      if (path === '') throw unsafe(header.name, 'is a file without a name')
      return { ...shared, kind: 'file', sizeBytes: header.size, body }
    case 'symlink':
      if (path === '' || !isInside(posix.join(posix.dirname(path), linkname), linkname)) {
        throw unsafe(header.name, `is a link to '${linkname}', out of the folder`)
      }
      return { ...shared, kind: 'link', target: linkname }
    case 'link':
      return { ...shared, kind: 'same-file', target: safePath(linkname) }
    default:
      throw unsafe(header.name, `is a ${header.type ?? 'thing of unknown kind'}`)
  }
}

/** Without `./` and the last `/`. */
function safePath(name: string): string {
  const path = posix.normalize(name).replace(/\/$/, '')
  if (name.split('/').includes('..') || !isInside(path, name)) {
    throw unsafe(name, 'leads out of the folder')
  }
  return path === '.' ? '' : path
}

function isInside(path: string, written: string): boolean {
  const isForeign =
    process.platform === 'win32' ? /[\\:*?"<>|]/.test(written) : /^[A-Za-z]:[\\/]|^\\/.test(written)
  if (written === '' || written.includes('\0') || isForeign) return false
  return !posix.isAbsolute(written) && path !== '..' && !path.startsWith('../')
}

function unsafe(name: string, what: string): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `'${name}' in the archive of a folder ${what}; nothing was extracted`,
    { details: { entry: name } },
  )
}

function tooLarge(limit: 'maxEntries' | 'maxBytes', value: number): MindtraceError {
  return new MindtraceError(
    'TOO_LARGE',
    `the archive of a folder holds more than ${limit} ${value}; raise it if the archive is to be trusted`,
    { details: { [limit]: value } },
  )
}
