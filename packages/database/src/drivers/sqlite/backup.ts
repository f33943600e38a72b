import { link, open, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import {
  type CallOptions,
  errorMessage,
  isMindtraceError,
  MindtraceError,
  newToken,
  systemErrorCode,
} from '@mindtrace/core'
import { convertError, isBusy } from './sqlite-errors.ts'

/** How far a backup is. */
export interface BackupProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What a backup takes besides its target. */
export interface BackupOptions extends CallOptions {
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined
}

/** Pages copied between two looks at the signal: 4 MB. */
const pagesAtOnce = 1024

/**
 * Copies the file at `path`, as it is now, to `target`. A transaction that reads holds that moment, so writers go
 * on and never make the copy begin anew. The copy gets its name when all of it is on the disk; a process that
 * is killed before leaves `target.<token>.partial`, which the next backup to this target removes.
 */
export async function backUpFile(
  path: string,
  target: string,
  options: BackupOptions,
): Promise<{ readonly sizeBytes: number }> {
  await refuseExisting(target)
  await removeAbandoned(target)
  const partial = join(dirname(target), `${basename(target)}.${newToken()}.partial`)
  const source = new DatabaseSync(path, { readOnly: true, timeout: 1000 })
  try {
    source.exec('BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1')
    const pageBytes = Number(source.prepare('PRAGMA page_size').get()?.page_size)
    await backup(source, partial, {
      rate: pagesAtOnce,
      progress({ totalPages, remainingPages }) {
        options.signal?.throwIfAborted()
        const doneBytes = (totalPages - remainingPages) * pageBytes
        options.onProgress?.({ doneBytes, totalBytes: totalPages * pageBytes })
      },
    })
    options.signal?.throwIfAborted()
    await syncToDisk(partial)
    const { size: sizeBytes } = await stat(partial)
    await give(partial, target)
    options.onProgress?.({ doneBytes: sizeBytes, totalBytes: sizeBytes })
    return { sizeBytes }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw backupError(error, target)
  } finally {
    source.close()
    await removePartial(partial)
  }
}

async function refuseExisting(target: string): Promise<void> {
  if ((await stat(target).catch(() => undefined)) !== undefined) throw taken(target)
}

/**
 * Removes what backups to this target left that were killed: those still at work hold a lock. One that is just
 * before or after its copying has none for a moment; it then fails, as one of two to the same target has to.
 */
async function removeAbandoned(target: string): Promise<void> {
  const folder = dirname(target)
  const names = await readdir(folder).catch(() => [])
  const partials = names.filter(
    (name) =>
      name.startsWith(`${basename(target)}.`) &&
      /^\.[0-9a-f]{32}\.partial$/.test(name.slice(basename(target).length)),
  )
  for (const partial of partials.map((name) => join(folder, name))) {
    if (!isLocked(partial)) await removePartial(partial)
  }
}

async function removePartial(partial: string): Promise<void> {
  for (const file of [partial, `${partial}-journal`]) await rm(file, { force: true })
}

function isLocked(path: string): boolean {
  try {
    const file = new DatabaseSync(path, { timeout: 0 })
    try {
      file.exec('BEGIN IMMEDIATE')
    } finally {
      file.close()
    }
    return false
  } catch (error) {
    return isBusy(error)
  }
}

/** Gives a file its name, which must be free until then. */
async function give(file: string, name: string): Promise<void> {
  await link(file, name).catch((cause: unknown) => {
    throw systemErrorCode(cause) === 'EEXIST' ? taken(name, cause) : cause
  })
  await syncToDisk(dirname(name))
}

async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function taken(target: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'CONFLICT',
    `'${target}' exists already: name another file, or remove that one`,
    { cause, details: { path: target } },
  )
}

/** A target that cannot be made is the caller's to mend; anything else is said of the database. */
function backupError(error: unknown, target: string): unknown {
  const converted = convertError(error, target)
  const code = systemErrorCode(error)
  if (isMindtraceError(converted) || code === undefined) return converted
  return new MindtraceError(
    code === 'ENOSPC' || code === 'EDQUOT' ? 'STORAGE_FULL' : 'UNAVAILABLE',
    `The backup '${target}' cannot be written: ${errorMessage(error)}`,
    { cause: error, details: { path: target } },
  )
}
