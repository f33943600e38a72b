import { createHash } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from '@mindtrace/contract'
import { errorMessage, MindtraceError, newToken, systemErrorCode } from '@mindtrace/core'
import { z } from 'zod'
import { MountName } from './lake-config.ts'

/**
 * The folders that an embedded lake uses in place: `<lake>/mounts/<name>.json`, one file for each mount, so
 * that two imports at once never write the same one.
 *
 *     { "version": 1, "url": "file:pictures?layout=plain" }       a folder within the lake's: relative to it
 *     { "version": 1, "url": "file:///data/voc?layout=plain" }
 */
const RememberedMount = z.strictObject({
  version: z.literal(1),
  // Nothing but files as they are: a lake that came from elsewhere opens no other stores, and writes nowhere.
  url: z.string().regex(/^file:[^?#]+\?layout=plain$/, 'use file:PATH?layout=plain'),
})

const suffix = '.json'

/**
 * The mounts that a lake's folder remembers, by name. An address within the folder is relative to it.
 *
 * @throws {@link MindtraceError} `VALIDATION_FAILED` or `INVALID_INPUT` that names a file that is none of ours.
 */
export async function rememberedMounts(lakeFolder: string): Promise<Record<string, string>> {
  const mounts: Record<string, string> = {}
  for (const file of (await filesIn(join(lakeFolder, 'mounts'))).toSorted()) {
    if (!file.endsWith(suffix)) continue
    const path = join(lakeFolder, 'mounts', file)
    const name = parse(MountName, file.slice(0, -suffix.length), `the name of '${path}'`)
    mounts[name] = parse(RememberedMount, await jsonIn(path), path).url
  }
  return mounts
}

/**
 * Remembers a folder as a plain mount of the lake, under the name given or one that follows from its path.
 *
 * @param folder - absolute, without links in it.
 * @throws {@link MindtraceError} `CONFLICT` when the lake has another mount of the name given.
 */
export async function rememberFolder(
  lakeFolder: string,
  folder: string,
  names: { readonly given: string | undefined; readonly taken: ReadonlySet<string> },
): Promise<string> {
  const url = plainUrl(lakeFolder, folder)
  const derived = names.given ?? derivedName(folder)
  for (let number = 1; ; number += 1) {
    const name = parse(MountName, number === 1 ? derived : `${derived}-${number}`, 'mount name')
    if (!names.taken.has(name) && (await createMount(lakeFolder, name, url))) return name
    if ((await rememberedMounts(lakeFolder))[name] === url) return name
    if (names.given !== undefined) {
      throw new MindtraceError(
        'CONFLICT',
        `this lake has another mount '${name}'; choose another name with --mount`,
        { details: { mount: name } },
      )
    }
  }
}

/** The address of a plain mount as the lake keeps it. */
export function plainUrl(lakeFolder: string, folder: string): string {
  const { href } = pathToFileURL(folder)
  const within = pathToFileURL(lakeFolder + sep).href
  return `${href.startsWith(within) ? `file:${href.slice(within.length)}` : href}?layout=plain`
}

/** Words of the path, and eight digits that tell folders with the same words apart. @see registry.md 14 */
export function derivedName(folder: string): string {
  const words = folder
    .replaceAll(sep, '-')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[-._]+|[-._]+$/g, '')
  const hash = createHash('sha1').update(`file://${folder}`).digest('hex')
  return `${words.slice(0, 48) || 'mount'}-${hash.slice(0, 8)}`
}

/** Whole or not at all; false when the name is taken. */
async function createMount(lakeFolder: string, name: string, url: string): Promise<boolean> {
  const folder = join(lakeFolder, 'mounts')
  const draft = join(folder, `.${newToken()}`)
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(draft, 'wx')
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, url }, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, join(folder, `${name}${suffix}`))
    return true
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code === 'EEXIST') return false
    throw new MindtraceError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'STORAGE_FULL' : 'READ_ONLY',
      `the mount '${name}' can't be kept in '${folder}': ${errorMessage(cause)}`,
      { cause },
    )
  } finally {
    await rm(draft, { force: true })
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.'))
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new MindtraceError('UNAVAILABLE', `'${folder}' can't be read: ${errorMessage(cause)}`, {
      cause,
    })
  }
}

async function jsonIn(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `'${path}' is no JSON: ${errorMessage(cause)}`, {
      cause,
    })
  }
}
