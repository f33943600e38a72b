import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorMessage, MindtraceError } from '@mindtrace/core'
import { parseMountUrl } from '@mindtrace/registry'
import { absoluteMounts, configOf, type OpenLakeOptions, schemeOf } from './open-lake.ts'
import { derivedName, plainUrl, rememberFolder } from './remembered-mounts.ts'

/** Where the files of a folder are, for a lake. */
export interface FolderInLake {
  readonly mount: string
  /** What stands before the path of a file within the folder: empty, or ending in `/`. */
  readonly prefix: string
}

/**
 * Makes a folder's files objects of a lake in this process, where they are: it finds the plain mount that
 * holds the folder, else an embedded lake gets one and remembers it in its own folder.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` for no folder; `INVALID_INPUT` for a `lake.json` without such a
 * mount (the message has the line to add), and for a folder that holds what the lake itself writes;
 * `CONFLICT` when the name given is another mount's.
 */
export async function mountFolder(
  address: string,
  folder: string,
  options: OpenLakeOptions & { readonly name?: string | undefined } = {},
): Promise<FolderInLake> {
  const real = await realFolder(folder)
  const isEmbedded = extname(resolve(address)) !== '.json'
  // Before the lake is opened: where it may not be, none is made.
  if (isEmbedded) refuseHolding(real, await realPlace(resolve(address)))
  const { config, base } = await configOf(address, options)
  const mounts = await localMounts(absoluteMounts(config.mounts, base))
  const found = holderOf(real, mounts, options.name)
  if (found !== undefined) return found
  const lakeFolder = await realpath(base)
  const database = databaseFile(config.database, lakeFolder)
  if (database !== undefined) refuseHolding(real, await realPlace(database))
  refuseOverlap(real, mounts)
  if (isEmbedded) {
    const taken = new Set(Object.keys(config.mounts))
    const mount = await rememberFolder(lakeFolder, real, { given: options.name, taken })
    return { mount, prefix: '' }
  }
  const line = `${JSON.stringify(options.name ?? derivedName(real))}: ${JSON.stringify(plainUrl(lakeFolder, real))}`
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${address}' has no plain mount that holds '${real}': add ${line} to its "mounts"`,
    { details: { folder: real } },
  )
}

interface LocalFolder {
  readonly name: string
  readonly path: string
  readonly isPlain: boolean
  readonly isReadOnly: boolean
}

async function localMounts(mounts: Readonly<Record<string, string>>): Promise<LocalFolder[]> {
  const folders: LocalFolder[] = []
  for (const [name, address] of Object.entries(mounts)) {
    const { scheme, url, registry } = parseMountUrl(address)
    if (scheme !== 'file') continue
    const path = fileURLToPath(url)
    folders.push({
      name,
      path: await realpath(path).catch(() => path),
      isPlain: registry.layout === 'plain',
      isReadOnly: registry.readOnly === true,
    })
  }
  return folders
}

/** The plain mount of the folder, or the nearest one around it. */
function holderOf(
  folder: string,
  mounts: readonly LocalFolder[],
  name: string | undefined,
): FolderInLake | undefined {
  const [nearest] = mounts
    .filter((mount) => mount.isPlain && isWithin(folder, mount.path))
    .filter((mount) => name === undefined || mount.name === name)
    .toSorted((a, b) => b.path.length - a.path.length)
  if (nearest === undefined) return undefined
  const path = relative(nearest.path, folder).replaceAll(sep, '/')
  return { mount: nearest.name, prefix: path === '' ? '' : `${path}/` }
}

/** Whatever lies in a plain mount can be read by whoever reads the lake, and must not change. */
function refuseHolding(folder: string, own: string): void {
  if (!isWithin(own, folder)) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `'${folder}' holds the lake's own '${own}', which would become an object of it: keep the lake elsewhere, with --lake`,
    { details: { folder } },
  )
}

function refuseOverlap(folder: string, mounts: readonly LocalFolder[]): void {
  for (const { name, path, isPlain, isReadOnly } of mounts) {
    if (isPlain || isReadOnly || !(isWithin(path, folder) || isWithin(folder, path))) continue
    throw new MindtraceError(
      'INVALID_INPUT',
      `'${folder}' overlaps the mount '${name}', where the lake writes: keep the two apart`,
      { details: { folder, mount: name } },
    )
  }
}

function databaseFile(address: string, base: string): string | undefined {
  const { scheme, rest } = schemeOf(address, 'database')
  return scheme === 'sqlite' && rest !== ':memory:' ? resolve(base, rest) : undefined
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** The path without links; what is not there yet stands as it is. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(await realPlace(parent), basename(path))
  }
}

async function realFolder(folder: string): Promise<string> {
  try {
    const path = await realpath(folder)
    if ((await stat(path)).isDirectory()) return path
  } catch (cause) {
    throw new MindtraceError('NOT_FOUND', `no such folder: ${folder} (${errorMessage(cause)})`, {
      cause,
    })
  }
  throw new MindtraceError('INVALID_INPUT', `not a folder: ${folder}`)
}
