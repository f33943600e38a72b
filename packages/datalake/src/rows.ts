import {
  deferredRows,
  type LakeStreams,
  type ParsedInput,
  type PlacedRow,
  parseInput,
  placedRows,
  type RowOf,
  type RowTask,
} from '@mindtrace/contract'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import { ofAsset } from './annotation-records.ts'
import { ofDataset } from './datasets/dataset-versions.ts'
import { viewRows } from './datasets/dataset-view.ts'
import { type Manifests, withManifests } from './datasets/manifests.ts'
import type { LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { listRows } from './pages/page.ts'

type RowHandlers = {
  readonly [Name in RowTask]: (
    input: ParsedInput<Name>,
    options: CallOptions,
  ) => AsyncIterable<PlacedRow<RowOf<Name>>>
}

/** {@link LakeStreams.rows} of the in-process lake. */
export function lakeRows(parts: LakeParts, manifests: Manifests): LakeStreams['rows'] {
  const handlers = rowHandlers(parts, manifests)
  return <Name extends RowTask>(name: Name, input: unknown, options: CallOptions = {}) =>
    deferredRows<RowOf<Name>>(async () => {
      options.signal?.throwIfAborted()
      const parsed = parseInput(name, input) as ParsedInput<Name> & { include_total: boolean }
      if (parsed.include_total) {
        throw new MindtraceError(
          'INVALID_INPUT',
          'include_total is for pages; a stream says at its end how many rows it had',
        )
      }
      return placedRows(handlers[name](parsed, options))
    })
}

function rowHandlers(parts: LakeParts, manifests: Manifests): RowHandlers {
  const { records } = parts
  const listings = listingsOf(parts)
  return {
    'assets.list_page': (input, options) => listRows(parts, listings.assets, input, options),
    'collections.list_page': (input, options) =>
      listRows(parts, listings.collections, input, options),
    'collection_items.list_page': (input, options) =>
      listRows(parts, listings.collectionItems, input, options),
    'asset_retentions.list_page': (input, options) =>
      listRows(parts, listings.assetRetentions, input, options),
    'annotation_schemas.list_page': (input, options) =>
      listRows(parts, listings.annotationSchemas, input, options),
    'annotation_sets.list_page': (input, options) =>
      listRows(parts, listings.annotationSets, input, options),
    'annotation_records.list_page': (input, options) =>
      listRows(parts, listings.annotationRecords, input, options),
    'annotation_records.list_for_asset_page': ({ asset_id, ...request }, options) => {
      const filters = ofAsset(asset_id)
      return listRows(parts, listings.annotationRecords, { ...request, filters }, options)
    },
    'datums.list_page': (input, options) => listRows(parts, listings.datums, input, options),
    'dataset_versions.list_page': ({ dataset_name, ...request }, options) => {
      const filters = ofDataset(dataset_name, request.filters)
      return listRows(parts, listings.datasetVersions, { ...request, filters }, options, (rows) =>
        withManifests(records, rows, options),
      )
    },
    'dataset_versions.view_page': (input, options) => viewRows(parts, manifests, input, options),
  }
}
