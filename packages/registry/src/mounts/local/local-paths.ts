import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { MindtraceError, systemErrorCode } from '@mindtrace/core'
import { checkKey } from '../../mount-key.ts'

const rememberedFolders = 8192

/** Keys as paths under one root, none of which leaves it, not even through a symbolic link. */
export class LocalPaths {
  readonly root: string
  // Folders made or checked by writes. A wrong entry costs one ENOENT, after which it is forgotten.
  readonly #folders = new Set<string>()

  constructor(root: string) {
    this.root = root
  }

  /** The path of a key; nothing is looked up. */
  pathOf(key: string): string {
    checkKey(key)
    return join(this.root, key)
  }

  /** The path of a key whose folder exists; undefined when it does not. */
  existing(key: string): string | undefined {
    const path = this.pathOf(key)
    return this.#exists(dirname(path)) ? path : undefined
  }

  /** Makes the folder of a path, once as long as it is remembered. */
  ensureFolderOf(path: string): void {
    this.#ensure(dirname(path))
  }

  /** To be called for a folder that others may change: it is looked at again each time. */
  forgetFolderOf(path: string): void {
    this.#folders.delete(dirname(path))
  }

  /** To be called when a remembered folder is removed or turns out to be gone, its parents perhaps too. */
  forget(): void {
    this.#folders.clear()
  }

  #ensure(folder: string): void {
    if (folder === this.root || this.#folders.has(folder)) return
    this.#ensure(dirname(folder))
    try {
      mkdirSync(folder)
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error
      if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) this.#checkLink(folder)
    }
    if (this.#folders.size >= rememberedFolders) this.#folders.clear()
    this.#folders.add(folder)
  }

  #exists(folder: string): boolean {
    if (folder === this.root || this.#folders.has(folder)) return true
    if (!this.#exists(dirname(folder))) return false
    const stat = lstatSync(folder, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) this.#checkLink(folder)
    return stat !== undefined && !stat.isFile()
  }

  #checkLink(folder: string): void {
    const real = realpathSync.native(folder)
    if (real === this.root || real.startsWith(this.root + sep)) return
    throw new MindtraceError(
      'FORBIDDEN',
      `'${folder}' is a link that leaves the mount '${this.root}'`,
      { details: { path: folder } },
    )
  }
}
