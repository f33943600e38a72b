import type { DatasetVersion } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Stored } from '@mindtrace/database'
import type { LakeSettings } from '../lake-parts.ts'
import type { Records } from '../records/records.ts'
import { notFound } from '../records/references.ts'

/** A dataset version without its manifest. */
export type DatasetVersionHead = Omit<Stored<DatasetVersion>, 'manifest'>

/** The datum ids of one dataset version, in order, read as far as they are asked for. */
export interface Manifest {
  readonly size: number
  /** From a place on, up to but without another, as arrays slice. */
  slice(from: number, to: number, options: CallOptions): Promise<readonly string[]>
}

/** Part of a manifest as it is stored: all of it when it is in the document. */
interface Chunk {
  readonly ids: readonly string[]
  /** Ids of the whole manifest. */
  readonly total: number
}

const headFields = [
  'dataset_version_id',
  'dataset_name',
  'version',
  'description',
  'source_dataset_version_id',
  'metadata',
  'created_at',
  'created_by',
] as const

const maxCachedIds = 1_000_000

/**
 * The manifests of dataset versions. They never change, so what was read stays in memory for a while:
 * a view that is read page by page would otherwise load the same list for each page.
 */
export class Manifests {
  readonly #records: Records
  readonly #cache = new Map<string, Chunk>()
  #cachedIds = 0

  constructor(records: Records) {
    this.#records = records
  }

  /** @throws `NOT_FOUND` for an unknown name and version. */
  async head(name: string, version: string, options: CallOptions): Promise<DatasetVersionHead> {
    const found = await this.#records.datasetVersions.findOne(
      { dataset_name: name, version },
      { ...options, fields: headFields },
    )
    if (found === undefined)
      throw notFound('Dataset version', 'name and version', [`${name}@${version}`])
    return found
  }

  /** @throws `NOT_FOUND` for an unknown version. */
  async open(versionId: string, options: CallOptions): Promise<Manifest> {
    const first = await this.#chunk(versionId, 0, options)
    const step = first.ids.length
    return {
      size: first.total,
      slice: async (from, to, call) => {
        const end = Math.min(to, first.total)
        const ids: string[] = []
        for (let at = from; at < end; ) {
          const index = Math.floor(at / step)
          const chunk = index === 0 ? first : await this.#chunk(versionId, index, call)
          const part = chunk.ids.slice(at - index * step, end - index * step)
          if (part.length === 0) throw lostChunk(versionId, index)
          ids.push(...part)
          at += part.length
        }
        return ids
      },
    }
  }

  /** Forgets all, after a wipe. */
  clear(): void {
    this.#cache.clear()
    this.#cachedIds = 0
  }

  async #chunk(versionId: string, index: number, options: CallOptions): Promise<Chunk> {
    const key = chunkId(versionId, index)
    const cached = this.#cache.get(key)
    if (cached !== undefined) {
      this.#cache.delete(key)
      this.#cache.set(key, cached)
      return cached
    }
    const chunk =
      (index === 0 ? await this.#inline(versionId, options) : undefined) ??
      (await this.#stored(versionId, index, options))
    this.#remember(key, chunk)
    return chunk
  }

  async #inline(versionId: string, options: CallOptions): Promise<Chunk | undefined> {
    const { manifest } = await this.#records.datasetVersions.get(versionId, {
      ...options,
      fields: ['manifest'],
    })
    return manifest.length === 0 ? undefined : { ids: manifest, total: manifest.length }
  }

  async #stored(versionId: string, index: number, options: CallOptions): Promise<Chunk> {
    const key = chunkId(versionId, index)
    const found = (await this.#records.manifestChunks.getMany([key], options)).get(key)
    if (found !== undefined) return { ids: found.datum_ids, total: found.total }
    if (index === 0) return { ids: [], total: 0 }
    throw lostChunk(versionId, index)
  }

  #remember(key: string, chunk: Chunk): void {
    if (this.#cache.has(key)) return
    this.#cache.set(key, chunk)
    this.#cachedIds += chunk.ids.length
    for (const [oldest, { ids }] of this.#cache) {
      if (this.#cachedIds <= maxCachedIds || oldest === key) break
      this.#cache.delete(oldest)
      this.#cachedIds -= ids.length
    }
  }
}

/** Documents as callers see them: manifests that lie in chunks are put back, whatever their length. */
export async function withManifests<
  T extends Pick<DatasetVersion, 'dataset_version_id' | 'manifest'>,
>({ manifestChunks }: Records, versions: readonly T[], options: CallOptions): Promise<T[]> {
  const empty = versions.filter(({ manifest }) => manifest.length === 0)
  if (empty.length === 0) return [...versions]
  const whole = new Map<string, string[]>()
  const chunks = manifestChunks.stream(
    { dataset_version_id: { $in: empty.map(({ dataset_version_id }) => dataset_version_id) } },
    { ...options, sort: ['dataset_version_id', 'index'], batchSize: 10 },
  )
  for await (const { dataset_version_id, datum_ids } of chunks) {
    const ids = whole.get(dataset_version_id) ?? []
    for (const id of datum_ids) ids.push(id)
    whole.set(dataset_version_id, ids)
  }
  return versions.map((version) => {
    const manifest = whole.get(version.dataset_version_id)
    return manifest === undefined ? version : { ...version, manifest }
  })
}

/**
 * Writes a manifest that is too long for its document, and gives what the document holds: nothing then.
 * The chunks come first, so an interruption leaves some that no version has.
 */
export async function storeManifest(
  { manifestChunks }: Records,
  versionId: string,
  manifest: readonly string[],
  settings: Pick<LakeSettings, 'maxInlineManifest' | 'manifestChunkSize'>,
): Promise<string[]> {
  if (manifest.length <= settings.maxInlineManifest) return [...manifest]
  const step = settings.manifestChunkSize
  for (let index = 0; index * step < manifest.length; index += 1) {
    await manifestChunks.upsertMany([
      {
        chunk_id: chunkId(versionId, index),
        dataset_version_id: versionId,
        index,
        total: manifest.length,
        datum_ids: manifest.slice(index * step, (index + 1) * step),
      },
    ])
  }
  return []
}

function chunkId(versionId: string, index: number): string {
  return `${versionId}/${index}`
}

function lostChunk(versionId: string, index: number): Error {
  return notFound('Manifest chunk', 'dataset_version_id and index', [`${versionId}/${index}`])
}
