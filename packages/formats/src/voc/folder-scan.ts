import { readdir, realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { systemErrorCode } from '@mindtrace/core'
import type { Finding } from '../finding.ts'
import { imageExtensions } from '../images/image-header.ts'

/** The images and label files below a folder, as paths relative to the root, with `/`. */
export interface FolderScan {
  readonly images: string[]
  readonly labels: string[]
}

export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder'
}

/**
 * Names below a root. Links are followed where they stay inside the root; what leads out is a finding
 * and not followed.
 */
export class FolderScanner {
  readonly #root: string
  readonly #findings: Finding[]
  readonly #noted = new Set<string>()

  /** @param root - absolute and free of links. */
  constructor(root: string, findings: Finding[]) {
    this.#root = root
    this.#findings = findings
  }

  /** The entries of one folder in code-unit order, without hidden ones. */
  async entries(path: string): Promise<FolderEntry[]> {
    const dirents = await readdir(join(this.#root, path), { withFileTypes: true })
    const entries: FolderEntry[] = []
    for (const dirent of dirents) {
      const { name } = dirent
      if (name.startsWith('.') || name === '__MACOSX') {
        if (isImageName(name) || isLabelName(name)) this.#note(inFolder(path, name), 'hidden_file')
      } else if (dirent.isDirectory()) entries.push({ name, kind: 'folder' })
      else if (dirent.isFile()) entries.push({ name, kind: 'file' })
      else if (dirent.isSymbolicLink()) {
        const kind = await this.#kindOfLink(inFolder(path, name))
        if (kind !== null) entries.push({ name, kind })
      }
    }
    return entries.sort((a, b) => compareText(a.name, b.name))
  }

  /** Everything below a folder except the folders of `without`. */
  async scan(path: string, without: ReadonlySet<string> = new Set()): Promise<FolderScan> {
    const found: FolderScan = { images: [], labels: [] }
    await this.#scanInto(path, without, found, new Set())
    return found
  }

  async #scanInto(
    path: string,
    without: ReadonlySet<string>,
    found: FolderScan,
    above: ReadonlySet<string>,
  ): Promise<void> {
    const real = await realpath(join(this.#root, path))
    if (above.has(real)) return // a link to a folder that holds it
    for (const { name, kind } of await this.entries(path)) {
      const inner = inFolder(path, name)
      if (kind === 'folder') {
        if (!without.has(inner)) {
          await this.#scanInto(inner, without, found, new Set([...above, real]))
        }
      } else if (isImageName(name)) found.images.push(inner)
      else if (isLabelName(name)) found.labels.push(inner)
    }
  }

  async #kindOfLink(path: string): Promise<'file' | 'folder' | null> {
    try {
      const real = await realpath(join(this.#root, path))
      if (real !== this.#root && !real.startsWith(this.#root + sep)) {
        this.#note(path, 'path_outside')
        return null
      }
      const stats = await stat(real)
      return stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : null
    } catch (error) {
      const code = systemErrorCode(error)
      if (code !== 'ENOENT' && code !== 'ELOOP') throw error
      this.#note(path, 'not_imported')
      return null
    }
  }

  #note(path: string, code: 'hidden_file' | 'path_outside' | 'not_imported'): void {
    if (this.#noted.has(path)) return // a folder may be looked at more than once
    this.#noted.add(path)
    const messages = {
      hidden_file: 'hidden files are not imported',
      path_outside: 'this link leads out of the imported folder and was not followed',
      not_imported: 'this link leads nowhere',
    }
    const level = code === 'hidden_file' ? 'info' : 'warning'
    this.#findings.push({ level, code, path, message: messages[code] })
  }
}

export function inFolder(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

function isImageName(name: string): boolean {
  return imageExtensions.has(extname(name).toLowerCase())
}

function isLabelName(name: string): boolean {
  return extname(name).toLowerCase() === '.xml'
}

/** Code-unit order: the same on every machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
