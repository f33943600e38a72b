import type { Sort } from '@mindtrace/database'
import type { LakeParts } from './lake-parts.ts'
import * as definitions from './records/collections.ts'

const createdDesc = (key: string): Sort => ['-created_at', `-${key}`]
const created = (key: string): Record<string, Sort> => ({
  created_desc: createdDesc(key),
  created_asc: ['created_at', key],
})

/** The nine listable resources with their sorts (`datalake-model.md` 8.3). */
export function listingsOf({ records }: Pick<LakeParts, 'records'>) {
  return {
    assets: {
      resource: 'assets',
      collection: definitions.assets,
      repository: records.assets,
      timeField: 'created_at',
      sorts: created('asset_id'),
    },
    collections: {
      resource: 'collections',
      collection: definitions.collections,
      repository: records.collections,
      timeField: 'created_at',
      // The Python vault pages datasets by `updated_desc`, which its own service refuses.
      sorts: { ...created('collection_id'), updated_desc: ['-updated_at', '-collection_id'] },
    },
    collectionItems: {
      resource: 'collection_items',
      collection: definitions.collectionItems,
      repository: records.collectionItems,
      timeField: 'added_at',
      sorts: {
        created_desc: ['-added_at', '-collection_item_id'],
        created_asc: ['added_at', 'collection_item_id'],
      },
    },
    assetRetentions: {
      resource: 'asset_retentions',
      collection: definitions.assetRetentions,
      repository: records.assetRetentions,
      timeField: 'created_at',
      sorts: created('asset_retention_id'),
    },
    annotationSchemas: {
      resource: 'annotation_schemas',
      collection: definitions.annotationSchemas,
      repository: records.annotationSchemas,
      timeField: 'created_at',
      sorts: created('annotation_schema_id'),
    },
    annotationSets: {
      resource: 'annotation_sets',
      collection: definitions.annotationSets,
      repository: records.annotationSets,
      timeField: 'created_at',
      rowsAtOnce: 50,
      sorts: created('annotation_set_id'),
    },
    annotationRecords: {
      resource: 'annotation_records',
      collection: definitions.annotationRecords,
      repository: records.annotationRecords,
      timeField: 'created_at',
      sorts: {
        created_desc: createdDesc('annotation_id'),
        subject_created_desc: ['subject.kind', 'subject.id', '-created_at', '-annotation_id'],
      },
    },
    datums: {
      resource: 'datums',
      collection: definitions.datums,
      repository: records.datums,
      timeField: 'created_at',
      sorts: {
        created_desc: createdDesc('datum_id'),
        split_created_desc: ['split', '-created_at', '-datum_id'],
      },
    },
    datasetVersions: {
      resource: 'dataset_versions',
      collection: definitions.datasetVersions,
      repository: records.datasetVersions,
      timeField: 'created_at',
      // With manifests of up to 50,000 ids in them, and longer ones to be put together.
      rowsAtOnce: 4,
      sorts: {
        created_desc: createdDesc('dataset_version_id'),
        dataset_version_desc: ['dataset_name', '-version', '-dataset_version_id'],
      },
    },
  } as const
}
