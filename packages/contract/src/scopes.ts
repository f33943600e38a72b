import type { TaskName } from './call.ts'
import type { streamRoutes } from './extensions/table.ts'

/**
 * Something that a task touches, and the path in its input that names it. A key that is limited to mounts must have the
 * mount of each of them among its mounts, one that is limited to collections likewise:
 *
 * - `mount`: a mount itself, null being the default one. In no collection.
 * - `mounts`: a list of what has a `mount`.
 * - `asset`: an asset by id or alias (`alias`: by alias only; `assets`: a list of ids). Its mounts are those of its
 *   references; it is in a collection when one of its items says so.
 * - `collection`: a collection itself. In no mount.
 * - `item`: an item: its collection, and its asset.
 * - `list`: `filters` of a listing, which is narrowed to what the key may see by these fields. Without a field for one
 *   of the two it is refused to keys with that limit.
 *
 * What is `optional` counts only where the input names it.
 */
export type ScopeSubject =
  | { readonly mount: string }
  | { readonly mounts: string }
  | { readonly asset: string; readonly optional?: true }
  | { readonly alias: string }
  | { readonly assets: string }
  | { readonly collection: string; readonly optional?: true }
  | { readonly item: string }
  | { readonly list: { readonly mounts?: string; readonly collections?: string } }

/**
 * What a task means for a key with scopes. `any`: it touches no record, or only what a token in its input stands for
 * that a scoped task gave. `whole`: it may touch anything, so only keys without scopes may call it. Else all subjects
 * must be within the scopes.
 */
export type ScopeRule = 'any' | 'whole' | readonly ScopeSubject[]

const none: readonly TaskName[] = [
  'endpoints',
  'status',
  'heartbeat',
  'server_id',
  'class_name',
  'pid_file',
  'health',
  'objects.upload_session.complete',
  'uploads.get',
  'uploads.progress',
  'uploads.parts.begin',
  'uploads.parts.sign',
  'uploads.parts.list',
  'uploads.complete',
  'uploads.abort',
  'downloads.resolve',
]

const whole: readonly TaskName[] = [
  'shutdown',
  'summary',
  'mounts',
  'datalake.wipe',
  'collections.create',
  'collections.delete',
  'asset_retentions.create',
  'asset_retentions.get',
  'asset_retentions.list',
  'asset_retentions.list_page',
  'asset_retentions.update',
  'asset_retentions.delete',
  'annotation_schemas.create',
  'annotation_schemas.get',
  'annotation_schemas.get_by_name_version',
  'annotation_schemas.list',
  'annotation_schemas.list_page',
  'annotation_schemas.update',
  'annotation_schemas.delete',
  'annotation_sets.create',
  'annotation_sets.get',
  'annotation_sets.list',
  'annotation_sets.list_page',
  'annotation_sets.update',
  'annotation_records.add',
  'annotation_records.get',
  'annotation_records.list',
  'annotation_records.list_for_asset',
  'annotation_records.list_for_asset_page',
  'annotation_records.list_page',
  'annotation_records.update',
  'annotation_records.delete',
  'datums.create',
  'datums.get',
  'datums.list',
  'datums.list_page',
  'datums.update',
  'datums.resolve',
  'dataset_versions.create',
  'dataset_versions.get',
  'dataset_versions.list',
  'dataset_versions.list_page',
  'dataset_versions.resolve',
  'dataset_versions.view_page',
  'dataset_versions.export',
  'dataset_versions.export_sync_graph',
  'dataset_versions.export_sync_payload_manifest',
  'dataset_versions.import_prepare',
  'dataset_versions.import_commit',
  'dataset_versions.import_prepare_start',
  'dataset_versions.import_start',
  'dataset_versions.import_job_status',
  'dataset_versions.import_job_result',
  'dataset_versions.import_session_start',
  'dataset_versions.import_session_commit_metadata',
  'dataset_versions.import_session_status',
  'dataset_versions.import_session_upload_payload',
  'dataset_versions.import_session_commit',
  'dataset_versions.streaming_import_start',
  'dataset_versions.streaming_import_push_batch',
  'dataset_versions.streaming_import_finalize',
  'dataset_versions.verify_integrity',
  'dataset_sync.import_graph',
  'dataset_sync.hydrate_payload',
  'dataset_sync.finalize_graph',
  'replication.upsert_batch',
  'replication.hydrate_asset_payload',
  'replication.reconcile',
  'replication.mark_local_delete_eligible',
  'replication.delete_local_payload',
  'replication.reclaim_verified_payloads',
  'replication.status',
  'replication.tasks.enqueue',
  'replication.tasks.list',
  'replication.tasks.get',
  'replication.tasks.claim',
  'replication.tasks.update_status',
  'replication.tasks.fail',
  'replication.tasks.retry',
  'replication.tasks.purge',
  'datasets.list',
  'datasets.stats',
  'lake.stats',
  'lake.facets',
  'lake.check',
  'lake.verify',
  'lake.gc',
  'ingest.begin',
  'ingest.plan',
  'ingest.commit',
  'ingest.abandon',
  'uploads.reconcile',
  'keys.create',
  'keys.list',
  'keys.revoke',
  'audit.list',
]

const byAsset = (asset: string): readonly ScopeSubject[] => [{ asset }]

/** What each task means for keys with scopes. A task that is in none of these is refused to them. */
export const taskScopes: Readonly<Partial<Record<TaskName, ScopeRule>>> = {
  ...Object.fromEntries(none.map((name) => [name, 'any'] as const)),
  ...Object.fromEntries(whole.map((name) => [name, 'whole'] as const)),
  'objects.put': [{ mount: 'mount' }],
  'objects.get': [{ mount: 'storage_ref.mount' }],
  'objects.head': [{ mount: 'storage_ref.mount' }],
  'objects.copy': [{ mount: 'source.mount' }, { mount: 'target_mount' }],
  'objects.upload_session.create': [{ mount: 'mount' }],
  'uploads.begin': [{ mount: 'mount' }],
  'downloads.sign': byAsset('asset_id'),
  'assets.create': [{ mount: 'storage_ref.mount' }],
  'assets.create_from_uploaded_object': [{ mount: 'storage_ref.mount' }],
  'assets.create_from_object': [{ mount: 'mount' }],
  'assets.get': byAsset('id'),
  'assets.get_by_alias': [{ alias: 'alias' }],
  'assets.download_url': byAsset('asset_id'),
  'assets.download_urls': [{ assets: 'asset_ids' }],
  'assets.list': [{ list: { mounts: 'storage_ref.mount' } }],
  'assets.list_page': [{ list: { mounts: 'storage_ref.mount' } }],
  'assets.update_metadata': byAsset('asset_id'),
  'assets.delete': byAsset('id'),
  'aliases.add': byAsset('asset_id'),
  'collections.get': [{ collection: 'id' }],
  'collections.list': [{ list: { collections: 'collection_id' } }],
  'collections.list_page': [{ list: { collections: 'collection_id' } }],
  'collections.update': [{ collection: 'collection_id' }],
  'collection_items.create': [{ collection: 'collection_id' }, { asset: 'asset_id' }],
  'collection_items.get': [{ item: 'id' }],
  'collection_items.resolve': [{ item: 'id' }],
  'collection_items.list': [{ list: { collections: 'collection_id' } }],
  'collection_items.list_page': [{ list: { collections: 'collection_id' } }],
  'collection_items.update': [
    { item: 'collection_item_id' },
    { collection: 'changes.collection_id', optional: true },
    { asset: 'changes.asset_id', optional: true },
  ],
  'collection_items.delete': [{ item: 'id' }],
}

/**
 * As {@link taskScopes} for the streams; paths are those of their first argument. Rows are judged by the page
 * task that they are of, and never by what stands here.
 */
export const streamScopes: Readonly<Partial<Record<keyof typeof streamRoutes, ScopeRule>>> = {
  readAsset: byAsset('id'),
  readObject: [{ mount: 'mount' }],
  writeObject: [{ mount: 'mount' }],
  ingestGroup: 'whole',
  rows: 'whole',
  archiveDataset: 'whole',
  archiveAssets: [{ list: { mounts: 'storage_ref.mount' } }],
  archiveObjects: [{ mounts: 'objects' }],
  appendUpload: 'any',
}
