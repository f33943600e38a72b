import * as fs from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type CallOptions, systemErrorCode } from '@mindtrace/core'
import type { MountObject } from '../../mount.ts'
import { compareKeys } from '../../mount-key.ts'
import { stagingFolder } from '../../object-name.ts'
import { localError } from './local-errors.ts'
import { objectOf } from './local-facts.ts'

/** What is listed. */
export interface Listing {
  readonly root: string
  /** The path of a key whose folder exists; undefined when it does not. */
  readonly existing: (key: string) => string | undefined
}

/** The objects under a folder whose key starts with `prefix`, in the order of keys. */
export async function* walk(
  listing: Listing,
  { folder, prefix }: { readonly folder: string; readonly prefix: string },
  options: CallOptions,
): AsyncGenerator<MountObject> {
  for (const { name, isFolder } of await entriesOf(listing, folder)) {
    options.signal?.throwIfAborted()
    const key = folder + name
    if (isFolder) {
      const inside = `${key}/`
      if (inside.startsWith(prefix) || prefix.startsWith(inside)) {
        yield* walk(listing, { folder: inside, prefix }, options)
      }
    } else if (key.startsWith(prefix)) {
      const stat = fs.statSync(join(listing.root, key), { throwIfNoEntry: false })
      if (stat !== undefined) yield objectOf(key, stat)
    }
  }
}

/** One level, sorted as if folders' names ended in `/`, which makes a walk come out in the order of whole keys. */
export async function entriesOf(
  listing: Listing,
  folder: string,
): Promise<readonly { readonly name: string; readonly isFolder: boolean }[]> {
  const inside = listing.existing(`${folder}-`)
  if (inside === undefined) return []
  const path = dirname(inside)
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries
      .filter((entry) => (entry.isFile() || entry.isDirectory()) && !isOurs(folder, entry.name))
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => compareKeys(sortKey(a), sortKey(b)))
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw localError(error, 'list', path)
  }
}

/** What lies in a folder of the mount's own; nothing when it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw localError(error, 'list', folder)
  }
}

function isOurs(folder: string, name: string): boolean {
  return folder === '' && name === stagingFolder
}

function sortKey(entry: { readonly name: string; readonly isFolder: boolean }): string {
  return entry.isFolder ? `${entry.name}/` : entry.name
}
