import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, posix, sep } from 'node:path'
import { type ByteStream, type CallOptions, chunksOf, MindtraceError } from '@mindtrace/core'
import { createTarPacker, type TarHeader, type TarPackController } from 'modern-tar'
import { compareKeys } from '../mount-key.ts'

/**
 * What lies in a folder as a gzipped tar, in the order of names: files, folders (empty ones too) and links
 * that stay inside, with modes and times. The folder is read as the stream is, so nothing is held whole.
 *
 * The stream fails with {@link MindtraceError} `INVALID_INPUT` for devices, sockets and links that leave
 * the folder, and `CONFLICT` when a file changes its size while it is read.
 */
export function archiveFolder(folder: string, options: CallOptions = {}): ByteStream {
  return ReadableStream.from(tarChunks(folder, options)).pipeThrough<Uint8Array>(
    new CompressionStream('gzip'),
  )
}

async function* tarChunks(
  folder: string,
  options: CallOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { readable, controller } = createTarPacker()
  const filling = fill(controller, folder, options)
  try {
    for await (const chunk of chunksOf(readable, options)) {
      yield chunk as Uint8Array<ArrayBuffer>
    }
  } finally {
    await filling
  }
}

/** Never fails: what goes wrong comes out of the stream. */
async function fill(
  controller: TarPackController,
  folder: string,
  options: CallOptions,
): Promise<void> {
  try {
    await addEntry(controller, { folder, path: '.' }, options)
    controller.finalize()
  } catch (error) {
    controller.error(error)
  }
}

interface Place {
  readonly folder: string
  /** Within the folder, with `/`; `.` for the folder itself. */
  readonly path: string
}

async function addEntry(
  controller: TarPackController,
  place: Place,
  options: CallOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  const { folder, path } = place
  const fullPath = join(folder, path)
  const stats = await lstat(fullPath)
  const name = path === '.' ? './' : `./${path}`
  // Dates hold no more, and cutting instead of rounding would lose a millisecond with each copy.
  const modifiedMs = Math.max(0, Math.round(stats.mtimeMs))
  const header = {
    mode: stats.mode & 0o7777,
    mtime: new Date(modifiedMs),
    // Whole seconds do not need the longer form, which is one more block per entry.
    ...(modifiedMs % 1000 === 0 ? {} : { pax: { mtime: (modifiedMs / 1000).toFixed(3) } }),
    uid: 0,
    gid: 0,
  }
  // The folder itself may be named by a link.
  if (stats.isDirectory() || path === '.') {
    const folderName = name.endsWith('/') ? name : `${name}/`
    await controller.add({ ...header, name: folderName, size: 0, type: 'directory' }).close()
    for (const child of (await readdir(fullPath)).sort(compareKeys)) {
      await addEntry(controller, { folder, path: posix.join(path, child) }, options)
    }
  } else if (stats.isSymbolicLink()) {
    const linkname = await linkTarget(place)
    await controller.add({ ...header, name, linkname, size: 0, type: 'symlink' }).close()
  } else if (stats.isFile()) {
    await addFile(controller, fullPath, { ...header, name, size: stats.size })
  } else {
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${fullPath}' is a device, pipe or socket, which cannot be stored; take it out of the folder`,
      { details: { path: fullPath } },
    )
  }
}

async function addFile(
  controller: TarPackController,
  fullPath: string,
  header: TarHeader,
): Promise<void> {
  const writer = controller.add({ ...header, type: 'file' }).getWriter()
  let left = header.size
  for await (const chunk of createReadStream(fullPath)) {
    left -= chunk.byteLength
    if (left < 0) break
    await writer.write(chunk)
  }
  if (left !== 0) {
    throw new MindtraceError('CONFLICT', `'${fullPath}' changed while it was read; store it again`)
  }
  await writer.close()
}

async function linkTarget({ folder, path }: Place): Promise<string> {
  const target = (await readlink(join(folder, path))).replaceAll(sep, '/')
  const resolved = posix.join(posix.dirname(path), target)
  if (!posix.isAbsolute(target) && resolved !== '..' && !resolved.startsWith('../')) return target
  throw new MindtraceError(
    'INVALID_INPUT',
    `the link '${join(folder, path)}' leads to '${target}', out of its folder; store what it points to`,
    { details: { path, target } },
  )
}
