import { MindtraceError } from '@mindtrace/core'
import type { SqliteConnection } from './sqlite-connection.ts'

/**
 * What brings a file from one form to the next: the first from form 0, a new file, to 1. A form that has
 * been released is never changed; what comes later is appended here.
 */
export type Migration = (connection: SqliteConnection) => void

/** The forms until now. Form 1 has its tables from `init`. */
export const migrations: readonly Migration[] = [() => {}]

/**
 * Brings a file that is ours to the newest form, all of it or nothing. Within a unit.
 *
 * @throws {@link MindtraceError} `NOT_IMPLEMENTED` when a newer version wrote it.
 */
export function migrate(
  connection: SqliteConnection,
  path: string,
  steps: readonly Migration[],
): void {
  const form = formOf(connection)
  if (form > steps.length) throw newerForm(path, form, steps.length)
  for (const step of steps.slice(form)) step(connection)
  if (form < steps.length) connection.exec(`PRAGMA user_version = ${steps.length}`)
}

/** The form of a file, as it says itself. */
export function formOf(connection: SqliteConnection): number {
  return Number(connection.prepare('PRAGMA user_version').get()?.user_version)
}

/** The error for a file that is beyond this version. */
export function newerForm(path: string, version: number, supported: number): MindtraceError {
  return new MindtraceError(
    'NOT_IMPLEMENTED',
    `'${path}' has format ${version} and this version reads up to ${supported}: upgrade Mindtrace`,
    { details: { path, version, supported } },
  )
}
