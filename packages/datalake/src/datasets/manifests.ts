import type { DatasetVersion } from '@mindtrace/contract'
import type { CallOptions } from '@mindtrace/core'
import type { Stored } from '@mindtrace/database'
import type { Records } from '../records/records.ts'
import { notFound } from '../records/references.ts'

/** A dataset version without its manifest. */
export type DatasetVersionHead = Omit<Stored<DatasetVersion>, 'manifest'>

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
 * The manifests of dataset versions. They never change, so recent ones stay in memory: reading a view
 * page by page would otherwise load the whole list for each page.
 */
export class Manifests {
  readonly #records: Records
  readonly #cache = new Map<string, readonly string[]>()
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

  /** The datum ids of a version, in manifest order. */
  async datumIds(versionId: string, options: CallOptions): Promise<readonly string[]> {
    const cached = this.#cache.get(versionId)
    if (cached !== undefined) {
      this.#cache.delete(versionId)
      this.#cache.set(versionId, cached)
      return cached
    }
    const { manifest } = await this.#records.datasetVersions.get(versionId, {
      ...options,
      fields: ['manifest'],
    })
    this.#remember(versionId, manifest)
    return manifest
  }

  /** Forgets all, after a wipe. */
  clear(): void {
    this.#cache.clear()
    this.#cachedIds = 0
  }

  #remember(versionId: string, manifest: readonly string[]): void {
    if (this.#cache.has(versionId)) return
    this.#cache.set(versionId, manifest)
    this.#cachedIds += manifest.length
    for (const [oldest, ids] of this.#cache) {
      if (this.#cachedIds <= maxCachedIds || oldest === versionId) break
      this.#cache.delete(oldest)
      this.#cachedIds -= ids.length
    }
  }
}
