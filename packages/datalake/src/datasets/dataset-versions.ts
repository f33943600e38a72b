import { isMindtraceError, MindtraceError, newId } from '@mindtrace/core'
import type { Handlers, LakeParts } from '../lake-parts.ts'
import { listingsOf } from '../listings.ts'
import { listAll } from '../pages/list.ts'
import { listPage } from '../pages/page.ts'
import { inTransaction, type Records } from '../records/records.ts'
import { notFound, requireAll } from '../records/references.ts'
import { resolveDatums } from '../records/resolve.ts'
import { viewPage } from './dataset-view.ts'
import { type Manifests, storeManifest, withManifests } from './manifests.ts'

/** Dataset versions: immutable, ordered lists of datums. */
export function datasetVersionHandlers(parts: LakeParts, manifests: Manifests) {
  const { records, clock } = parts
  const listing = listingsOf(parts).datasetVersions
  return {
    'dataset_versions.create': async (input, options) => {
      const { dataset_name, version, manifest } = input
      checkName('dataset_name', dataset_name)
      checkName('version', version)
      const dataset_version = await inTransaction(
        parts.database,
        async (tx) => {
          const known = await tx.datasetVersions.exists({ dataset_name, version })
          if (known) throw alreadyExists(dataset_name, version)
          checkDistinct(manifest)
          await requireAll(tx.datums, 'Datum', 'datum_id', manifest, {})
          return await insertDatasetVersion(parts, tx, {
            dataset_version_id: newId('dataset_version'),
            dataset_name,
            version,
            description: input.description,
            manifest,
            source_dataset_version_id: input.source_dataset_version_id,
            metadata: input.metadata ?? {},
            created_at: clock.now(),
            created_by: input.created_by,
          })
        },
        options,
      )
      return { dataset_version }
    },
    'dataset_versions.get': async ({ dataset_name, version }, options) => {
      const dataset_version = await records.datasetVersions.findOne(
        { dataset_name, version },
        options,
      )
      if (dataset_version === undefined) {
        throw notFound('Dataset version', 'name and version', [`${dataset_name}@${version}`])
      }
      const [whole] = await withManifests(records, [dataset_version], options)
      return { dataset_version: whole ?? dataset_version }
    },
    'dataset_versions.list': async ({ dataset_name, filters }, options) => ({
      dataset_versions: await withManifests(
        records,
        await listAll(parts, listing, ofDataset(dataset_name, filters), options),
        options,
      ),
    }),
    'dataset_versions.list_page': async ({ dataset_name, ...request }, options) => {
      const filters = ofDataset(dataset_name, request.filters)
      const { items, page } = await listPage(parts, listing, { ...request, filters }, options)
      return { items: await withManifests(records, items, options), page }
    },
    'dataset_versions.resolve': async ({ dataset_name, version }, options) => {
      const head = await manifests.head(dataset_name, version, options)
      const opened = await manifests.open(head.dataset_version_id, options)
      const manifest = [...(await opened.slice(0, opened.size, options))]
      const found = await records.datums.getMany(manifest, options)
      const datums = manifest.map((id) => {
        const datum = found.get(id)
        if (datum === undefined) throw notFound('Datum', 'datum_id', [id])
        return datum
      })
      return {
        resolved_dataset_version: {
          dataset_version: { ...head, manifest },
          datums: await resolveDatums(records, datums, options),
        },
      }
    },
    'dataset_versions.view_page': (input, options) => viewPage(parts, manifests, input, options),
  } satisfies Handlers
}

/** The filters of a listing of versions, all or those of one dataset. */
export function ofDataset(name: string | null, filters: Readonly<Record<string, unknown>> | null) {
  return name === null ? filters : { ...filters, dataset_name: name }
}

/** Inserts a version; the unique index decides between two who try at once. @throws `DUPLICATE`. */
export async function insertDatasetVersion(
  { settings }: LakeParts,
  tx: Records,
  version: Parameters<Records['datasetVersions']['insert']>[0] & { readonly manifest: string[] },
) {
  const { dataset_version_id, manifest } = version
  try {
    const inline = await storeManifest(tx, dataset_version_id, manifest, settings)
    const stored = await tx.datasetVersions.insert({ ...version, manifest: inline })
    return { ...stored, manifest }
  } catch (error) {
    if (!isMindtraceError(error, 'DUPLICATE')) throw error
    throw alreadyExists(version.dataset_name, version.version, error)
  }
}

function alreadyExists(name: string, version: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'DUPLICATE',
    `Dataset version '${name}@${version}' already exists; choose another version`,
    { cause, details: { dataset_name: name, version } },
  )
}

function checkName(field: string, text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (text.trim() !== '' && !/[\u0000-\u001f\u007f]/.test(text)) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `${field} '${text.slice(0, 64)}' must not be blank or hold control characters`,
    { details: { field } },
  )
}

function checkDistinct(manifest: readonly string[]): void {
  const seen = new Set<string>()
  for (const id of manifest) {
    if (seen.has(id)) {
      throw new MindtraceError('INVALID_INPUT', `the manifest repeats datum '${id}'`, {
        details: { datum_id: id },
      })
    }
    seen.add(id)
  }
}
