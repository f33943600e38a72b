import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Split } from '@mindtrace/contract'
import { systemErrorCode } from '@mindtrace/core'
import type { Finding } from '../finding.ts'

/** The names of a VOC set's lists. `trainval` is a list but no split. */
export const listNames = ['train', 'val', 'test', 'trainval'] as const
export type ListName = (typeof listNames)[number]

/** The lists of one folder such as `ImageSets/Main`. Ids are as written, NFC, without an extension or folder. */
export interface ImageLists {
  /** The lists that name an id, in the order of {@link listNames}. */
  readonly listsById: ReadonlyMap<string, readonly ListName[]>
  /** The classes that `{class}_{list}.txt` says are in an image, sorted. */
  readonly classesById: ReadonlyMap<string, readonly string[]>
  /** Every class that has such a list, sorted. */
  readonly classes: readonly string[]
}

/**
 * Reads the lists of a folder. Null when there is no such folder or no list in it.
 *
 * @param folder - absolute.
 * @param path - the same, relative to the imported folder, for findings.
 */
export async function readImageLists(
  folder: string,
  path: string,
  findings: Finding[],
): Promise<ImageLists | null> {
  const names = await namesIn(folder)
  const listsById = new Map<string, ListName[]>()
  const classesById = new Map<string, Set<string>>()
  const classes = new Set<string>()
  let lists = 0
  for (const name of names) {
    const match = /^(?:(.+)_)?(train|val|test|trainval)\.txt$/i.exec(name)
    if (match === null) continue
    lists += 1
    const listPath = `${path}/${name}`
    const text = await readFile(join(folder, name), 'utf8')
    const list = (match[2] as string).toLowerCase() as ListName
    if (match[1] === undefined) readPlainList(text, list, listPath, listsById, findings)
    else {
      const className = match[1].normalize('NFC')
      if (readClassList(text, className, classesById)) classes.add(className)
    }
  }
  if (lists === 0) return null
  return {
    listsById: new Map(
      Array.from(listsById, ([id, its]) => [id, listNames.filter((name) => its.includes(name))]),
    ),
    classesById: new Map(Array.from(classesById, ([id, its]) => [id, [...its].sort()])),
    classes: [...classes].sort(),
  }
}

/** The split that lists give: the first of train, val, test; null for `trainval` alone. */
export function splitOf(lists: readonly ListName[]): Split | null {
  return lists.find((name) => name !== 'trainval') ?? null
}

function readPlainList(
  text: string,
  list: ListName,
  path: string,
  listsById: Map<string, ListName[]>,
  findings: Finding[],
): void {
  for (const line of linesOf(text)) {
    // Some tools write the plain lists with a flag behind the id, as the class lists have it.
    const id = listId(/^(.*\S)\s+-?[01]$/.exec(line)?.[1] ?? line)
    if (id.isUnsafe) {
      findings.push({
        level: 'warning',
        code: 'path_outside',
        path,
        message: `the entry "${line}" leads out of the folder; only its own name "${id.id}" is looked for`,
        before: line,
        after: id.id,
      })
    }
    if (id.id === '') continue
    const its = listsById.get(id.id)
    if (its === undefined) listsById.set(id.id, [list])
    else if (!its.includes(list)) its.push(list)
    else {
      findings.push({
        level: 'info',
        code: 'duplicate_listing',
        path,
        message: `"${id.id}" stands in this list more than once`,
      })
    }
  }
}

/** Says whether it is one: a list of some other use has no flags. */
function readClassList(
  text: string,
  className: string,
  classesById: Map<string, Set<string>>,
): boolean {
  let isClassList = false
  for (const line of linesOf(text)) {
    const match = /^(.*\S)\s+([+-]?\d+)$/.exec(line)
    if (match === null) continue
    isClassList = true
    if (Number(match[2]) <= 0) continue
    const { id } = listId(match[1] as string)
    const its = classesById.get(id)
    if (its === undefined) classesById.set(id, new Set([className]))
    else its.add(className)
  }
  return isClassList
}

function linesOf(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** The id of an entry: folders that lead nowhere safe, image folders and extensions are taken off. */
function listId(entry: string): { readonly id: string; readonly isUnsafe: boolean } {
  const path = entry.normalize('NFC').replaceAll('\\', '/')
  const isUnsafe = isUnsafePath(path)
  const name = isUnsafe ? path.slice(path.lastIndexOf('/') + 1) : path.replace(/^(\.\/)+/, '')
  const id = name.replace(/\.(jpe?g|jpe|jfif|png|webp|bmp|dib|tiff?|gif|xml)$/i, '')
  return { id: /^\.+$/.test(id) ? '' : id, isUnsafe }
}

/** Whether a name from a file, taken as a path, could lead out of the folder that it is relative to. */
export function isUnsafePath(name: string): boolean {
  return /^([/\\]|[a-z]:)/i.test(name) || name.includes('\0') || name.split(/[/\\]/).includes('..')
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return []
    throw error
  }
}
