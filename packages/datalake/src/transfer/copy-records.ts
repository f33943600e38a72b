import { type CallOptions, inGroups, MindtraceError } from '@mindtrace/core'
import type { Collection, Database } from '@mindtrace/database'
import { auditEntries } from '../audit/audit-collection.ts'
import { apiKeys } from '../keys/key-collection.ts'
import * as definitions from '../records/collections.ts'
import { ingestSamples, ingestSessions } from '../records/ingest-collections.ts'
import { manifestChunks } from '../records/manifest-collection.ts'
import { signingKeys, uploadSessions, uploadStates } from '../uploads/upload-collections.ts'
import { ContentHash, contentOf } from './content-hash.ts'

/**
 * What is copied, in this order: what others refer to first, so that an interruption leaves only documents that
 * nothing refers to. Leases, and what writers and collections of garbage have under way, are not records and stay
 * where they are.
 */
export const copiedCollections: readonly Collection[] = [
  definitions.assets,
  definitions.assetAliases,
  definitions.annotationSchemas,
  definitions.annotationRecords,
  definitions.annotationSets,
  definitions.datums,
  manifestChunks,
  definitions.datasetVersions,
  definitions.collections,
  definitions.collectionItems,
  definitions.assetRetentions,
  apiKeys,
  auditEntries,
  ingestSessions,
  ingestSamples,
  uploadStates,
  uploadSessions,
  signingKeys,
]

/** Documents of these may have megabytes. */
const largeOnes: ReadonlySet<string> = new Set([
  manifestChunks.name,
  definitions.datasetVersions.name,
])
const batchSize = 500
const largeBatchSize = 4
const namedConflicts = 20

/** How far a copy is. */
export interface CopyProgress {
  readonly phase: 'comparing' | 'copying' | 'verifying'
  readonly collection: string
  readonly done: number
  readonly total: number
}

/** What {@link copyRecords} takes besides the databases. */
export interface CopyOptions extends CallOptions {
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
}

/** What was copied of one collection. */
export interface CopiedCollection {
  readonly collection: string
  readonly documents: number
  /** How many of them were not there before. */
  readonly copied: number
  /** The hash of their contents, which source and target have in common. */
  readonly sha256: string
}

/**
 * Copies the records of a lake into another database, in batches, and verifies by counts and hashes that both hold
 * the same. Repeating it continues after an interruption, and verifies what is finished. Nobody should write to
 * either meanwhile; what changes is noticed.
 *
 * @throws {@link MindtraceError} `CONFLICT`, before anything is written, when the target has other contents under a
 *   key of the source; or at the end when the two differ.
 */
export async function copyRecords(
  from: Database,
  to: Database,
  options: CopyOptions = {},
): Promise<readonly CopiedCollection[]> {
  const plan = await planCopy(from, to, options)
  await refuseConflicts(plan, options)
  const copied: CopiedCollection[] = []
  for (const one of plan) copied.push(await copyCollection(one, options))
  for (const [at, one] of plan.entries()) {
    await verifyCollection(one, copied[at] as CopiedCollection, options)
  }
  return copied
}

/** One collection on its way. */
interface Passage {
  readonly collection: Collection
  readonly source: ReturnType<Database['repository']>
  readonly target: ReturnType<Database['repository']>
  readonly total: number
  /** Whether the target had documents of it before. */
  readonly resumed: boolean
}

async function planCopy(
  from: Database,
  to: Database,
  { signal }: CopyOptions,
): Promise<readonly Passage[]> {
  const plan: Passage[] = []
  for (const collection of copiedCollections) {
    const source = from.repository(collection)
    const target = to.repository(collection)
    const total = await source.count({}, { signal })
    const resumed = await target.exists({}, { signal })
    plan.push({ collection, source, target, total, resumed })
  }
  return plan
}

/** The documents of the source in batches, with progress. */
async function* batchesOf(
  { collection, source, total }: Passage,
  phase: CopyProgress['phase'],
  { signal, onProgress }: CopyOptions,
  documents: Passage['source'] = source,
) {
  const size = largeOnes.has(collection.name) ? largeBatchSize : batchSize
  let done = 0
  for await (const batch of inGroups(documents.stream({}, { signal, batchSize: size }), size)) {
    yield batch
    done += batch.length
    onProgress?.({ phase, collection: collection.name, done, total })
  }
}

async function refuseConflicts(plan: readonly Passage[], options: CopyOptions): Promise<void> {
  const conflicts: string[] = []
  for (const passage of plan.filter(({ resumed }) => resumed)) {
    const { collection, target } = passage
    for await (const batch of batchesOf(passage, 'comparing', options)) {
      const present = await target.getMany(batch.map(collection.keyOf), { signal: options.signal })
      for (const document of batch) {
        const key = collection.keyOf(document)
        const other = present.get(key)
        if (other !== undefined && contentOf(other) !== contentOf(document)) conflicts.push(key)
      }
      if (conflicts.length >= namedConflicts) throw conflict(conflicts)
    }
  }
  if (conflicts.length > 0) throw conflict(conflicts)
}

async function copyCollection(passage: Passage, options: CopyOptions): Promise<CopiedCollection> {
  const { collection, target, resumed } = passage
  const hash = new ContentHash()
  let copied = 0
  for await (const batch of batchesOf(passage, 'copying', options)) {
    const keys = batch.map(collection.keyOf)
    const present = resumed
      ? await target.getMany(keys, { fields: [collection.key as never], signal: options.signal })
      : new Map()
    const missing = batch.filter((document) => !present.has(collection.keyOf(document)))
    const { duplicates } = await target.insertMany(missing, { signal: options.signal })
    const [taken] = duplicates
    if (taken !== undefined) {
      throw new MindtraceError(
        'CONFLICT',
        `the target has another document of '${collection.name}' with ${taken.on} ${JSON.stringify(taken.value)}: empty the target, or delete that one`,
        { details: { collection: collection.name, ...taken } },
      )
    }
    copied += missing.length
    for (const document of batch) hash.add(contentOf(document))
  }
  return { collection: collection.name, documents: hash.count, copied, sha256: hash.hex }
}

async function verifyCollection(
  passage: Passage,
  copied: CopiedCollection,
  options: CopyOptions,
): Promise<void> {
  const hash = new ContentHash()
  for await (const batch of batchesOf(passage, 'verifying', options, passage.target)) {
    for (const document of batch) hash.add(contentOf(document))
  }
  const stillThere = await passage.source.count({}, { signal: options.signal })
  const details = {
    collection: copied.collection,
    source: { documents: stillThere, sha256: copied.sha256 },
    target: { documents: hash.count, sha256: hash.hex },
  }
  if (hash.count !== stillThere) {
    throw new MindtraceError(
      'CONFLICT',
      `'${copied.collection}' has ${stillThere} documents in the source and ${hash.count} in the target: one of them was written to meanwhile, or the target held more before. Stop the writers and run the same command again, or copy into an empty target`,
      { details },
    )
  }
  if (hash.hex !== copied.sha256) {
    throw new MindtraceError(
      'CONFLICT',
      `'${copied.collection}' has other contents in the target than in the source: one of them was written to meanwhile. Stop the writers and run the same command again`,
      { details },
    )
  }
}

function conflict(keys: readonly string[]): MindtraceError {
  const named = keys.slice(0, namedConflicts)
  return new MindtraceError(
    'CONFLICT',
    `the target has other documents under the same keys: ${named.join(', ')}${keys.length > named.length ? ', …' : ''}. Nothing was written; copy into an empty target, or delete these there`,
    { details: { keys: named } },
  )
}
