import { type CallOptions, inGroups, isMindtraceError, mapBounded, newToken } from '@mindtrace/core'
import type { Registry } from '@mindtrace/registry'
import type { LakeParts } from '../lake-parts.ts'
import { objectKey } from './announcements.ts'
import {
  allReferredVersions,
  declaredVersions,
  type ReferredVersions,
} from './storage-references.ts'

/** An object version that nothing refers to. */
export interface Orphan {
  readonly name: string
  readonly version: string
  readonly sizeBytes: number
}

/** What a collection of one mount needs. */
export interface ObjectCollection {
  readonly mount: string
  readonly registry: Registry
  /** Milliseconds since 1970: only what was written before. */
  readonly writtenBefore: number
  readonly dryRun: boolean
}

/**
 * The names that ingests give to payloads. All other names were chosen by somebody, who may know the object
 * without an asset: they are never collected.
 */
const ownNames = [
  { prefix: 'sha256-', pattern: /^sha256-[0-9a-f]{64}$/ },
  { prefix: 'stream_', pattern: /^stream_[0-9a-f]{32}$/ },
] as const

const namesAtOnce = 500
const condemnedAtOnce = 100
const lookupsAtOnce = 8
/** Less than the time after which writers take us for crashed. */
const deleteWithinMs = 60_000

/**
 * Removes the objects of a mount that ingests have stored and that nothing refers to, or only finds them.
 *
 * An object goes in two steps. First it is a suspect: old, and no record names it. Then it is condemned, in a
 * row that writers look for, and only then everything that may refer to it is asked for again. A writer that
 * finds the object stored and wants to use it has announced so before (`announcements.ts`): either it is seen
 * here and the object stays, or it sees the row, waits, and stores the object again.
 */
export async function* collectObjects(
  parts: LakeParts,
  collection: ObjectCollection,
  options: CallOptions,
): AsyncGenerator<Orphan> {
  for (const { prefix, pattern } of ownNames) {
    const names = collection.registry.list({ ...options, prefix })
    for await (const group of inGroups(names, namesAtOnce)) {
      const own = group.filter((name) => pattern.test(name))
      const suspects = await suspectsAmong(parts, collection, own, options)
      for (let from = 0; from < suspects.length; from += condemnedAtOnce) {
        yield* await collectSuspects(
          parts,
          collection,
          suspects.slice(from, from + condemnedAtOnce),
          options,
        )
      }
    }
  }
}

/** Old versions that no asset declares. */
async function suspectsAmong(
  { records }: LakeParts,
  { mount, registry, writtenBefore }: ObjectCollection,
  names: readonly string[],
  options: CallOptions,
): Promise<Orphan[]> {
  const declared = await declaredVersions(records, mount, names, options)
  const found = await mapBounded(
    names,
    lookupsAtOnce,
    async (name) => {
      const referred = declared.get(name)
      // Content has one version, so the usual object costs no look into the mount.
      if (referred !== undefined && (referred === 'all' || name.startsWith('sha256-'))) return []
      const orphans: Orphan[] = []
      for (const version of await registry.versions(name, options)) {
        if (isReferred(referred, version)) continue
        const writtenAt = await registry.writtenAt(name, { ...options, version })
        if (writtenAt === undefined || Date.parse(writtenAt) > writtenBefore) continue
        const sizeBytes = await sizeOf(registry, { name, version }, options)
        orphans.push({ name, version, sizeBytes })
      }
      return orphans
    },
    options,
  )
  return found.flat()
}

async function sizeOf(
  registry: Registry,
  { name, version }: { readonly name: string; readonly version: string },
  options: CallOptions,
): Promise<number> {
  try {
    return (await registry.info(name, { ...options, version })).sizeBytes ?? 0
  } catch (error) {
    if (isMindtraceError(error, 'NOT_FOUND') || isMindtraceError(error, 'CORRUPT')) return 0
    throw error
  }
}

/** Gives those that are gone now, or would be. */
async function collectSuspects(
  parts: LakeParts,
  collection: ObjectCollection,
  suspects: readonly Orphan[],
  options: CallOptions,
): Promise<Orphan[]> {
  const { records } = parts
  const { mount, dryRun } = collection
  const names = [...new Set(suspects.map(({ name }) => name))]
  if (dryRun) {
    const referred = await allReferredVersions(records, mount, names, options)
    return suspects.filter(({ name, version }) => !isReferred(referred.get(name), version))
  }
  const run_id = newToken()
  const startedMs = performance.now()
  const created_at = parts.clock.now()
  try {
    const { inserted } = await records.condemnedPayloads.insertMany(
      names.map((name) => ({ object_key: objectKey(mount, name), run_id, created_at })),
      options,
    )
    // What another collection has condemned is its.
    const ours = new Set(inserted.map(({ object_key }) => object_key))
    const referred = await allReferredVersions(records, mount, names, options)
    const doomed = suspects.filter(
      ({ name, version }) =>
        ours.has(objectKey(mount, name)) && !isReferred(referred.get(name), version),
    )
    const outcomes = await mapBounded(
      doomed,
      lookupsAtOnce,
      async (orphan) =>
        (await remove(parts, collection, orphan, { run_id, startedMs }, options)) ? [orphan] : [],
      options,
    )
    return outcomes.flat()
  } finally {
    await records.condemnedPayloads.deleteMany({ run_id })
  }
}

/** False when it is to stay, until another time at least. */
async function remove(
  { records }: LakeParts,
  { mount, registry, writtenBefore }: ObjectCollection,
  { name, version }: Orphan,
  condemned: { readonly run_id: string; readonly startedMs: number },
  options: CallOptions,
): Promise<boolean> {
  const key = objectKey(mount, name)
  const row = (await records.condemnedPayloads.getMany([key], options)).get(key)
  if (row?.run_id !== condemned.run_id) return false
  // Written again meanwhile, by whoever announces nothing.
  const writtenAt = await registry.writtenAt(name, { ...options, version })
  if (writtenAt === undefined || Date.parse(writtenAt) > writtenBefore) return false
  if (performance.now() - condemned.startedMs > deleteWithinMs) return false
  try {
    await registry.delete(name, { ...options, version })
    return true
  } catch (error) {
    // Somebody holds it.
    if (isMindtraceError(error, 'UNAVAILABLE')) return false
    throw error
  }
}

function isReferred(versions: ReferredVersions | undefined, version: string): boolean {
  return versions === 'all' || versions?.has(version) === true
}
