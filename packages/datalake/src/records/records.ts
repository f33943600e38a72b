import type { Collection, Database, Repositories, Repository } from '@mindtrace/database'
import { auditEntries } from '../audit/audit-collection.ts'
import { announcedPayloads, condemnedPayloads } from '../gc/gc-collections.ts'
import { apiKeys } from '../keys/key-collection.ts'
import { signingKeys, uploadSessions, uploadStates } from '../uploads/upload-collections.ts'
import * as definitions from './collections.ts'
import { ingestSamples, ingestSessions } from './ingest-collections.ts'
import { manifestChunks } from './manifest-collection.ts'

const all = {
  ...definitions,
  ingestSamples,
  ingestSessions,
  manifestChunks,
  uploadSessions,
  uploadStates,
  signingKeys,
  announcedPayloads,
  condemnedPayloads,
}

/** Who may use the lake and who did: a wipe leaves them. */
const access = { apiKeys, auditEntries }

const everything = { ...all, ...access }

/** The names of the collections that a wipe empties. */
export const contentNames = Object.keys(all) as readonly (keyof typeof all)[]

/** Every collection of a lake, for `Database.init`. */
export const lakeCollections: readonly Collection[] = Object.values(everything)

type RepositoryOf<C> = C extends Collection<infer T, infer I> ? Repository<T, I> : never

/** A repository for each collection, of the database or of one transaction. */
export type Records = {
  readonly [Name in keyof typeof everything]: RepositoryOf<(typeof everything)[Name]>
}

/** The repositories of a database or a transaction. */
export function recordsOf(repositories: Repositories): Records {
  const made: Record<string, unknown> = {}
  for (const [name, collection] of Object.entries(everything)) {
    made[name] = repositories.repository(collection as Collection)
  }
  return made as Records
}

/** Runs `work` over the repositories of one transaction. */
export function inTransaction<R>(
  database: Database,
  work: (records: Records) => Promise<R>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<R> {
  return database.transaction((tx) => work(recordsOf(tx)), options)
}
