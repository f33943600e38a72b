import { createWriteStream } from 'node:fs'
import {
  chmod,
  copyFile,
  link,
  lstat,
  mkdir,
  mkdtemp,
  rename,
  rm,
  rmdir,
  symlink,
  utimes,
} from 'node:fs/promises'
import { basename, dirname, join, posix, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  type ByteStream,
  type CallOptions,
  chunksOf,
  MindtraceError,
  systemErrorCode,
} from '@mindtrace/core'
import { type ArchiveEntry, type ArchiveLimits, archiveEntries } from './archive-entries.ts'

/**
 * Extracts the archive of a folder to `target`, which must not exist yet, or be an empty folder. It appears
 * there complete or not at all: everything is written beside it first and then renamed. Modes and times
 * are kept, owners are not. No link is made before all files lie there, so nothing is written through one.
 *
 * @throws {@link MindtraceError} `CONFLICT` when `target` holds something, or when two names of the archive
 * are one name to this file system, and what {@link archiveEntries} throws.
 */
export async function extractArchive(
  archive: ByteStream,
  target: string,
  options: CallOptions & ArchiveLimits = {},
): Promise<void> {
  const folder = resolve(target)
  await mkdir(dirname(folder), { recursive: true })
  const scratch = await mkdtemp(
    join(dirname(folder), `.${basename(folder).slice(0, 100)}.partial-`),
  )
  try {
    const extraction = new Extraction(scratch)
    for await (const entry of archiveEntries(archive, options)) await extraction.add(entry, options)
    await extraction.finish()
    await putInPlace(scratch, folder)
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    throw error
  }
}

async function putInPlace(scratch: string, folder: string): Promise<void> {
  try {
    await rmdir(folder)
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code !== 'ENOENT') {
      throw new MindtraceError('CONFLICT', `'${folder}' is not an empty folder; choose another`, {
        cause,
      })
    }
  }
  await rename(scratch, folder)
}

class Extraction {
  readonly #root: string
  readonly #kinds = new Map<string, ArchiveEntry['kind']>([['', 'folder']])
  // By what a file system that ignores case and normal forms makes of the name.
  readonly #spellings = new Map<string, string>()
  readonly #folders: ArchiveEntry[] = []
  readonly #links: ArchiveEntry[] = []

  constructor(root: string) {
    this.#root = root
  }

  async add(entry: ArchiveEntry, options: CallOptions): Promise<void> {
    const { path, kind } = entry
    const place = join(this.#root, path)
    const known = this.#kinds.get(path)
    if (kind === 'folder') {
      if (known !== undefined && known !== 'folder') throw taken(path)
      await this.#makeFolder(path)
      this.#folders.push(entry)
      return
    }
    if (known !== undefined) throw taken(path)
    await this.#makeFolder(posix.dirname(path) === '.' ? '' : posix.dirname(path))
    await this.#refuseOtherSpelling(path)
    this.#kinds.set(path, kind)
    if (kind === 'link') this.#links.push(entry)
    else if (entry.body !== undefined) {
      await pipeline(
        Readable.from(chunksOf(entry.body, options), { objectMode: false }),
        createWriteStream(place, { flags: 'wx', mode: 0o600 }),
      )
      await keepTimeAndMode(place, entry)
    } else await this.#addSameFile(entry, place)
  }

  /** Links last, then what writing into folders would have changed, innermost first. */
  async finish(): Promise<void> {
    const targets = new Map(this.#links.map(({ path, target }) => [path, target ?? '']))
    for (const { path, target = '' } of this.#links) {
      refuseLeavingLink(path, targets)
      await symlink(target, join(this.#root, path))
    }
    for (const folder of this.#folders.reverse()) {
      await keepTimeAndMode(join(this.#root, folder.path), folder)
    }
  }

  async #makeFolder(path: string): Promise<void> {
    const known = this.#kinds.get(path)
    if (known === 'folder') return
    if (known !== undefined) throw taken(path)
    const parent = posix.dirname(path)
    await this.#makeFolder(parent === '.' ? '' : parent)
    await this.#refuseOtherSpelling(path)
    await mkdir(join(this.#root, path), { mode: 0o700 })
    this.#kinds.set(path, 'folder')
  }

  async #addSameFile({ path, target = '' }: ArchiveEntry, place: string): Promise<void> {
    if (this.#kinds.get(target) !== 'file') {
      throw new MindtraceError(
        'CORRUPT',
        `'${path}' in the archive of a folder is the file '${target}', which is not there`,
      )
    }
    const source = join(this.#root, target)
    await link(source, place).catch(() => copyFile(source, place))
    this.#kinds.set(path, 'file')
  }

  async #refuseOtherSpelling(path: string): Promise<void> {
    const folded = path.normalize('NFC').toLowerCase()
    const other = this.#spellings.get(folded)
    if (other === undefined) this.#spellings.set(folded, path)
    if (other === undefined || other === path) return
    // Both fit where names are told apart by case; elsewhere the second would replace the first.
    const isOneName = await lstat(join(this.#root, path)).then(
      () => true,
      () => false,
    )
    if (!isOneName) return
    throw new MindtraceError(
      'CONFLICT',
      `'${other}' and '${path}' are the same name on this file system; extract elsewhere`,
      { details: { paths: [other, path] } },
    )
  }
}

async function keepTimeAndMode(place: string, { mode, modifiedAt }: ArchiveEntry): Promise<void> {
  await utimes(place, modifiedAt, modifiedAt)
  await chmod(place, mode)
}

/**
 * Where a link leads depends on the links on the way, so all are followed by name, one segment after the
 * other, before any is made.
 */
function refuseLeavingLink(path: string, targets: ReadonlyMap<string, string>): void {
  const pending = path.split('/')
  const reached: string[] = []
  for (let steps = 0; pending.length > 0; steps++) {
    if (steps > 4096) throw leaving(path, 'leads in a circle')
    const segment = pending.shift()
    if (segment === undefined || segment === '' || segment === '.') continue
    if (segment === '..') {
      if (reached.length === 0) throw leaving(path, 'leads out of it')
      reached.pop()
      continue
    }
    reached.push(segment)
    const target = targets.get(reached.join('/'))
    if (target === undefined) continue
    reached.pop()
    pending.unshift(...target.split('/'))
  }
}

function leaving(path: string, what: string): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `the link '${path}' in the archive of a folder ${what}; nothing was extracted`,
    { details: { entry: path } },
  )
}

function taken(path: string): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `'${path}' stands twice in the archive of a folder; nothing was extracted`,
    { details: { entry: path } },
  )
}
