import {
  createLake,
  type Lake,
  type LakeAccess,
  type LakeVitals,
  parseInput,
  type TaskCall,
} from '@mindtrace/contract'
import {
  type CallOptions,
  type Clock,
  type Logger,
  MindtraceError,
  silentLogger,
  systemClock,
} from '@mindtrace/core'
import type { Database } from '@mindtrace/database'
import type { MountTraffic, Store } from '@mindtrace/registry'
import { annotationRecordHandlers } from './annotation-records.ts'
import { annotationSchemaHandlers } from './annotation-schemas.ts'
import { annotationSetHandlers } from './annotation-sets.ts'
import { assetRetentionHandlers } from './asset-retentions.ts'
import { assetHandlers } from './assets.ts'
import { auditHandlers } from './audit/audit-tasks.ts'
import { checkHandlers } from './check.ts'
import { collectionHandlers, collectionItemHandlers } from './collections.ts'
import { datasetVersionHandlers } from './datasets/dataset-versions.ts'
import { datasetHandlers } from './datasets/datasets.ts'
import { Manifests } from './datasets/manifests.ts'
import { integrityHandlers } from './datasets/verify-integrity.ts'
import { datumHandlers } from './datums.ts'
import { downloadUrlHandlers } from './download-urls.ts'
import { facetHandlers } from './facets.ts'
import { gcHandlers } from './gc/gc.ts'
import { ingestHandlers } from './ingest/ingest-sessions.ts'
import { keyHandlers } from './keys/key-tasks.ts'
import { lakeAccess } from './keys/lake-access.ts'
import type { Handlers, LakeParts, LakeSettings } from './lake-parts.ts'
import { lakeHandlers } from './lake-tasks.ts'
import { lakeVitals } from './lake-vitals.ts'
import { objectHandlers } from './objects.ts'
import { lakeCollections, recordsOf } from './records/records.ts'
import { signedDownloadHandlers } from './signed-downloads.ts'
import { lakeStreams } from './streams.ts'
import { uploadHandlers } from './uploads/upload-handlers.ts'
import { UploadSessions } from './uploads/upload-sessions.ts'
import { verifyHandlers } from './verify.ts'

/** What an in-process lake is made of. The lake owns database and store: it closes both. */
export interface LocalLakeOptions {
  readonly database: Database
  readonly store: Store
  readonly settings: Pick<LakeSettings, 'databaseName'> & Partial<LakeSettings>
  readonly clock?: Clock
  readonly log?: Logger
  /** What goes through the mounts, by their names, for the vitals. */
  readonly traffic?: ReadonlyMap<string, MountTraffic>
}

const defaults = {
  slowOperations: 'warn',
  defaultPageLimit: 100,
  maxPageLimit: 500,
  allowWipe: false,
  maxInlineManifest: 50_000,
  manifestChunkSize: 10_000,
  maxWholePayloadBytes: 256 * 1024 * 1024,
} as const satisfies Omit<LakeSettings, 'databaseName'>

/** A lake in this process. */
export interface LocalLake extends Lake {
  /** What a service over this lake needs to ask for keys and to write down what was done. */
  readonly access: LakeAccess
  /** Whether its parts answer, and how busy they are. */
  readonly vitals: LakeVitals
}

/** Opens the lake over a database and a store: creates collections and indexes where they are missing. */
export async function openLocalLake(
  options: LocalLakeOptions,
  call: CallOptions = {},
): Promise<LocalLake> {
  const { database, store, traffic = new Map() } = options
  await database.init(lakeCollections, call)
  const parts: LakeParts = {
    database,
    store,
    records: recordsOf(database),
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLogger,
    settings: { ...defaults, ...options.settings },
  }
  const uploads = new UploadSessions(parts)
  const manifests = new Manifests(parts.records)
  const lake = createLake({
    call: callOf(handlersOf(parts, uploads, manifests)),
    streams: lakeStreams(parts, manifests, uploads),
    dispose: async () => {
      try {
        await uploads[Symbol.asyncDispose]()
        await database.close()
      } finally {
        await store[Symbol.asyncDispose]()
      }
    },
  })
  return { ...lake, access: lakeAccess(parts), vitals: lakeVitals(parts, traffic) }
}

function handlersOf(parts: LakeParts, uploads: UploadSessions, manifests: Manifests): Handlers {
  return {
    ...lakeHandlers(parts, manifests),
    ...objectHandlers(parts),
    ...assetHandlers(parts),
    ...downloadUrlHandlers(parts),
    ...signedDownloadHandlers(parts),
    ...collectionHandlers(parts),
    ...collectionItemHandlers(parts),
    ...assetRetentionHandlers(parts),
    ...annotationSchemaHandlers(parts),
    ...annotationSetHandlers(parts),
    ...annotationRecordHandlers(parts),
    ...datumHandlers(parts),
    ...datasetVersionHandlers(parts, manifests),
    ...integrityHandlers(parts, manifests),
    ...datasetHandlers(parts, manifests),
    ...ingestHandlers(parts),
    ...uploadHandlers(parts, uploads),
    ...verifyHandlers(parts),
    ...gcHandlers(parts),
    ...facetHandlers(parts),
    ...checkHandlers(parts),
    ...keyHandlers(parts),
    ...auditHandlers(parts),
  }
}

function callOf(handlers: Handlers): TaskCall {
  return async (name, input, options = {}) => {
    const handler = handlers[name]
    if (handler === undefined) {
      throw new MindtraceError('NOT_IMPLEMENTED', `the task ${name} is not built yet`, {
        details: { task: name },
      })
    }
    options.signal?.throwIfAborted()
    return await handler(parseInput(name, input), options)
  }
}
