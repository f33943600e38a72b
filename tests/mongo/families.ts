/** The families of records that both programs keep, with the field that is each one's key. */
export const keyOf = {
  assets: 'asset_id',
  collections: 'collection_id',
  collection_items: 'collection_item_id',
  asset_retentions: 'asset_retention_id',
  annotation_schemas: 'annotation_schema_id',
  annotation_sets: 'annotation_set_id',
  annotation_records: 'annotation_id',
  datums: 'datum_id',
  dataset_versions: 'dataset_version_id',
} as const

/** The name of one of them. */
export type Family = keyof typeof keyOf
