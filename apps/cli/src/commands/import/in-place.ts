import { type Lake, qualifiedKey } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import type { FilesInPlace, ImportSource } from '@mindtrace/formats'
import { isRemote, type LakeOptions } from '../../lake-options.ts'

/** A folder that is imported where it lies, and the mount that the caller has named for it. */
export interface FolderInPlace {
  readonly folder: string
  readonly mount: string | undefined
}

/**
 * How the lake names the files of the folder. An embedded lake gets a mount for it when it has none.
 *
 * @throws what `mountFolder` throws; `INVALID_INPUT` for a service without the name of its mount.
 */
export async function filesInPlace(
  { folder, mount }: FolderInPlace,
  options: LakeOptions,
): Promise<FilesInPlace> {
  if (!isRemote(options.lake)) {
    const { mountFolder } = await import('@mindtrace/datalake')
    const { lake, database, defaultMount } = options
    return await mountFolder(lake, folder, {
      database,
      mounts: options.mount,
      defaultMount,
      name: mount,
    })
  }
  if (mount !== undefined) return { mount, prefix: '', compare: true }
  throw new MindtraceError(
    'INVALID_INPUT',
    `--in-place: the service at the other end sees its own disks only; name its mount that holds the files of '${folder}' with --mount NAME`,
  )
}

/**
 * Looks whether a service has the files, by the first of them: a version of nothing but errors would stay.
 *
 * @throws `NOT_FOUND` for the mount or the file, `INVALID_INPUT` for a mount that can be written.
 */
export async function checkFilesThere(
  lake: Lake,
  source: ImportSource,
  { mount, prefix }: FilesInPlace,
  signal: AbortSignal,
): Promise<void> {
  const { mounts } = await lake.mounts(undefined, { signal })
  const found = mounts.find(({ name }) => name === mount)
  if (found === undefined) {
    const names = mounts.map(({ name }) => name).join(', ')
    throw new MindtraceError('NOT_FOUND', `the lake has no mount '${mount}'; it has ${names}`)
  }
  if (!found.read_only) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `the lake's mount '${mount}' can be written, so files can't be used in place there: it needs ?layout=plain`,
    )
  }
  const path = await firstFile(source, signal)
  if (path === undefined) return
  const ref = { mount, name: `${prefix}${path}`, version: '1.0.0' }
  const storage_ref = { ...ref, qualified_key: qualifiedKey(ref) }
  const { metadata } = await lake.objects.head({ storage_ref }, { signal })
  if (Object.keys(metadata).length > 0) return
  throw new MindtraceError(
    'NOT_FOUND',
    `the lake's mount '${mount}' has no file '${ref.name}': is it the folder that you import?`,
  )
}

async function firstFile(source: ImportSource, signal: AbortSignal): Promise<string | undefined> {
  for await (const event of source.samples({ signal })) {
    const [path] = event.type === 'sample' ? Object.values(event.files ?? {}) : []
    if (path !== undefined) return path
  }
  return undefined
}
