import type { ParsedInput, TaskCallOptions, TaskName, TaskOutput } from '@mindtrace/contract'
import type { Clock, Logger } from '@mindtrace/core'
import type { Database } from '@mindtrace/database'
import type { Store } from '@mindtrace/registry'
import type { Records } from './records/records.ts'

/** What eager list tasks may do: `service-wire.md` 13. */
export type SlowOperations = 'allow' | 'warn' | 'forbid'

/** Bounds and policies of a lake, all with defaults. */
export interface LakeSettings {
  /** Name of the database, which is also the lake's identity in provenance. */
  readonly databaseName: string
  readonly slowOperations: SlowOperations
  readonly defaultPageLimit: number
  readonly maxPageLimit: number
  /** Whether `datalake.wipe` is served. */
  readonly allowWipe: boolean
  /** Up to so many datums a manifest lies in its version's document, beyond in chunks (decision 5). */
  readonly maxInlineManifest: number
  /** Datums of a chunk. */
  readonly manifestChunkSize: number
  /** The largest payload that a base64 task reads whole, in bytes. */
  readonly maxWholePayloadBytes: number
}

/** What the handlers work with. */
export interface LakeParts {
  readonly database: Database
  readonly records: Records
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly settings: LakeSettings
}

/** Answers one task. The input is checked and complete. */
export type Handler<Name extends TaskName> = (
  input: ParsedInput<Name>,
  options: TaskCallOptions,
) => Promise<TaskOutput<Name>>

/** Handlers by task name; a task that has none answers `NOT_IMPLEMENTED`. */
export type Handlers = { readonly [Name in TaskName]?: Handler<Name> }
