import * as fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { systemErrorCode } from '@mindtrace/core'

/** A file of a cache. */
export interface CachedFile {
  readonly path: string
  readonly sizeBytes: number
  /** When it was last used, to a minute; milliseconds since 1970. */
  readonly usedMs: number
  /** Not an entry yet, or never. */
  readonly isDraft: boolean
}

const drafts = 'drafts'
const shardName = /^[0-9a-f]{2}$/
const entryName = /^[0-9a-f]{62}$/
const draftName = /^[0-9a-f]{32}$/
/** Tells backups and cleaners what this is. @see https://bford.info/cachedir/ */
const tag =
  'Signature: 8a477f597d28d172789f06886806bc55\n# Payloads of Mindtrace, kept to be read again. May be removed at any time.\n'

/** The files of a cache in its folder. Whatever else lies there is not seen, and not touched. */
export class CacheFolder {
  readonly #path: string
  #isMade = false

  constructor(path: string) {
    this.#path = path
  }

  /** Makes the folder where it is missing, readable for this user only. */
  make(): void {
    if (this.#isMade) return
    fs.mkdirSync(join(this.#path, drafts), { recursive: true, mode: 0o700 })
    try {
      fs.writeFileSync(join(this.#path, 'CACHEDIR.TAG'), tag, { flag: 'wx' })
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error
    }
    this.#isMade = true
  }

  /** Lets {@link CacheFolder.make} look again. */
  unmake(): void {
    this.#isMade = false
  }

  draft(token: string): string {
    return join(this.#path, drafts, token)
  }

  /** Bytes that this user can still write. */
  freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(this.#path)
    return bavail * bsize
  }

  /** All files, looked at in turns with other work. */
  async list(): Promise<CachedFile[]> {
    const files: CachedFile[] = []
    for (const folder of namesIn(this.#path)) {
      const isDraft = folder === drafts
      if (!isDraft && !shardName.test(folder)) continue
      for (const name of namesIn(join(this.#path, folder))) {
        if (!(isDraft ? draftName : entryName).test(name)) continue
        const path = join(this.#path, folder, name)
        const stat = fs.lstatSync(path, { throwIfNoEntry: false })
        if (stat?.isFile() !== true) continue
        files.push({ path, sizeBytes: stat.size, usedMs: stat.mtimeMs, isDraft })
      }
      await setImmediate()
    }
    return files
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder)
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
