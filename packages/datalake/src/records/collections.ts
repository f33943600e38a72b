import {
  AnnotationRecord,
  AnnotationSchema,
  AnnotationSet,
  Asset,
  AssetAlias,
  AssetRetention,
  Collection,
  CollectionItem,
  DatasetVersion,
  Datum,
  facets,
} from '@mindtrace/contract'
import { defineCollection, type IndexDefinition } from '@mindtrace/database'

/**
 * An index that the Python reference makes at its start, under the default name of our indexes (`kind_1`,
 * `created_at_-1_asset_id_-1`): MongoDB refuses the same keys under another name, so either program must
 * find the other's. Most are single fields of few values, which SQLite's planner picks to its harm: they
 * exist in MongoDB only. See decision 16 and `version-0.16.md`.
 */
function reference(...on: string[]): IndexDefinition {
  return { on, only: 'mongo' }
}

/** A {@link reference} index that our own reads need as well, so it exists on both back ends. */
function shared(...on: string[]): IndexDefinition {
  return { on }
}

const storedAsset = Asset.omit({ _id: true })
const storedAlias = AssetAlias.omit({ _id: true })

export const assets = defineCollection({
  name: 'datalake_assets',
  shared: true,
  schema: storedAsset,
  key: 'asset_id',
  indexes: [
    reference('kind'),
    reference('storage_ref.mount'),
    shared('storage_ref.name'),
    reference('storage_ref.version'),
    reference('payload_status'),
    reference('payload_checksum'),
    reference('payload_storage_ref.mount'),
    reference('payload_storage_ref.name'),
    reference('subject.kind'),
    reference('subject.id'),
    reference('metadata.origin.asset_id'),
    reference('metadata.origin.asset_id', 'metadata.origin.lake_id'),
    shared('-created_at', '-asset_id'),
    { on: ['kind', '-created_at', '-asset_id'], name: 'mt_kind_created' },
    // What `lake.stats` is taken from, see decision 0012. MongoDB gains nothing from it.
    {
      on: ['payload_status', '-created_at', '-asset_id', 'payload_size_bytes', 'size_bytes'],
      name: 'mt_status_totals',
      only: 'sqlite',
    },
  ],
  counted: facets.assets,
})

export const assetAliases = defineCollection({
  name: 'datalake_asset_aliases',
  shared: true,
  schema: storedAlias,
  key: 'alias_id',
  indexes: [
    { on: ['alias'], unique: true },
    shared('asset_id'),
    reference('is_primary'),
    reference('asset_id', 'is_primary'),
  ],
})

export const collections = defineCollection({
  name: 'datalake_collections',
  shared: true,
  schema: Collection.omit({ _id: true }),
  key: 'collection_id',
  indexes: [
    shared('name'),
    reference('status'),
    shared('-created_at', '-collection_id'),
    { on: ['-updated_at', '-collection_id'], name: 'mt_updated' },
  ],
  counted: facets.collections,
})

export const collectionItems = defineCollection({
  name: 'datalake_collection_items',
  shared: true,
  schema: CollectionItem.omit({ _id: true }),
  key: 'collection_item_id',
  indexes: [
    reference('collection_id'),
    shared('asset_id'),
    reference('split'),
    reference('status'),
    reference('collection_id', 'asset_id'),
    // Decision 4: stands beside the reference's plain index of the same keys.
    { on: ['collection_id', 'asset_id'], unique: true, name: 'mt_collection_asset' },
    shared('-added_at', '-collection_item_id'),
    {
      on: ['collection_id', 'status', '-added_at', '-collection_item_id'],
      name: 'mt_collection_status_added',
    },
  ],
  counted: facets.collection_items,
})

export const assetRetentions = defineCollection({
  name: 'datalake_asset_retentions',
  shared: true,
  schema: AssetRetention.omit({ _id: true }),
  key: 'asset_retention_id',
  indexes: [
    shared('asset_id'),
    reference('owner_type'),
    reference('owner_id'),
    reference('retention_policy'),
    reference('asset_id', 'owner_type', 'owner_id'),
    shared('-created_at', '-asset_retention_id'),
  ],
  counted: facets.asset_retentions,
})

export const annotationSchemas = defineCollection({
  name: 'datalake_annotation_schemas',
  shared: true,
  schema: AnnotationSchema.omit({ _id: true }),
  key: 'annotation_schema_id',
  indexes: [
    reference('task_type'),
    { on: ['name', 'version'], unique: true },
    shared('-created_at', '-annotation_schema_id'),
  ],
  counted: facets.annotation_schemas,
})

export const annotationSets = defineCollection({
  name: 'datalake_annotation_sets',
  shared: true,
  schema: AnnotationSet.omit({ _id: true }),
  key: 'annotation_set_id',
  indexes: [
    reference('purpose'),
    reference('source_type'),
    reference('status'),
    shared('annotation_schema_id'),
    shared('-created_at', '-annotation_set_id'),
    { each: 'annotation_record_ids', name: 'mt_annotation_record_ids' },
    {
      on: ['metadata.mindtrace.data_vault.dataset_collection_id', 'status'],
      name: 'mt_vault_dataset_status',
    },
  ],
  counted: facets.annotation_sets,
})

export const annotationRecords = defineCollection({
  name: 'datalake_annotation_records',
  shared: true,
  schema: AnnotationRecord.omit({ _id: true }),
  key: 'annotation_id',
  indexes: [
    reference('kind'),
    reference('label'),
    reference('source.type'),
    reference('source.name'),
    reference('subject.kind'),
    reference('subject.id'),
    shared('-created_at', '-annotation_id'),
    shared('subject.kind', 'subject.id', '-created_at', '-annotation_id'),
    { on: ['label', '-created_at', '-annotation_id'], name: 'mt_label_created' },
  ],
  counted: facets.annotation_records,
})

export const datums = defineCollection({
  name: 'datalake_datums',
  shared: true,
  schema: Datum.omit({ _id: true }),
  key: 'datum_id',
  indexes: [
    reference('split'),
    shared('-created_at', '-datum_id'),
    shared('split', '-created_at', '-datum_id'),
    { each: 'annotation_set_ids' },
    { each: 'asset_refs.*', name: 'mt_asset_refs' },
  ],
  counted: facets.datums,
})

export const datasetVersions = defineCollection({
  name: 'datalake_dataset_versions',
  shared: true,
  schema: DatasetVersion.omit({ _id: true }),
  key: 'dataset_version_id',
  indexes: [
    reference('dataset_name'),
    reference('dataset_name', 'version'),
    // Decision 4: stands beside the reference's plain index of the same keys.
    { on: ['dataset_name', 'version'], unique: true, name: 'mt_dataset_version' },
    shared('-created_at', '-dataset_version_id'),
    shared('dataset_name', '-version', '-dataset_version_id'),
  ],
  counted: facets.dataset_versions,
})
