import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { Database } from '@mindtrace/database'
import { lakeCollections } from '../records/records.ts'
import { configOf, type OpenLakeOptions, openDatabase, schemeOf } from './open-lake.ts'

/** What {@link openLakeDatabase} takes besides the address. */
export type LakeDatabaseOptions = Pick<OpenLakeOptions, 'create' | 'log' | 'signal'>

/** How far a backup is. */
export interface LakeBackupProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What {@link backUpLake} takes besides its files. */
export interface LakeBackupOptions extends CallOptions {
  /** The database, over what the address says. */
  readonly database?: string | undefined
  readonly onProgress?: ((progress: LakeBackupProgress) => void) | undefined
}

/**
 * Opens the records of a lake, with every collection ready, for tools that work below the tasks. The address is
 * that of a database (`sqlite:PATH`, `mongodb://HOST/NAME`), or a lake's as `openLake` takes it.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` with `create: false` where there is nothing; else as `openLake`.
 */
export async function openLakeDatabase(
  address: string,
  options: LakeDatabaseOptions = {},
): Promise<Database> {
  const { url, base } = await databaseAt(address, options)
  const { scheme, rest } = schemeOf(url, 'database')
  if (options.create === false && scheme === 'sqlite') await requireFile(resolve(base, rest))
  const database = await openDatabase(url, base, options)
  try {
    await database.init(lakeCollections, { signal: options.signal })
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Copies the records of a lake in a SQLite file to the file `target`, as they are at this moment, while others
 * work with them. See `SqliteDatabase.backup`.
 *
 * @throws {@link MindtraceError} `NOT_FOUND` where there is no lake, `INVALID_INPUT` for another database,
 *   `CONFLICT` when the target exists, `STORAGE_FULL` or `UNAVAILABLE` when it cannot be written.
 */
export async function backUpLake(
  address: string,
  target: string,
  options: LakeBackupOptions = {},
): Promise<{ readonly path: string; readonly sizeBytes: number }> {
  const { config, base } = await configOf(address, {
    create: false,
    database: options.database,
    signal: options.signal,
  })
  const { scheme, rest } = schemeOf(config.database, 'database')
  if (scheme !== 'sqlite' || rest === ':memory:') {
    throw new MindtraceError(
      'INVALID_INPUT',
      scheme === 'sqlite'
        ? 'a lake in memory has no file to back up'
        : "a backup is a copy of a SQLite file, and this lake's records are in MongoDB: use mongodump, or mindtrace db copy --to sqlite:FILE",
    )
  }
  const file = resolve(base, rest)
  await requireFile(file)
  const { openSqliteDatabase } = await import('@mindtrace/database/sqlite')
  await using database = await openSqliteDatabase({ path: file, signal: options.signal })
  const { sizeBytes } = await database.backup(target, {
    signal: options.signal,
    onProgress: options.onProgress,
  })
  return { path: resolve(target), sizeBytes }
}

async function databaseAt(address: string, options: LakeDatabaseOptions) {
  if (/^(sqlite|mongodb|mongodb\+srv):/i.test(address)) {
    return { url: address, base: process.cwd() }
  }
  const { config, base } = await configOf(address, options)
  return { url: config.database, base }
}

async function requireFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile() === true) return
  throw new MindtraceError('NOT_FOUND', `there is no database '${path}'`, { details: { path } })
}
