import type { TaskInput, TaskName, TaskOutput } from '@mindtrace/contract'

type Examples = {
  readonly [Name in TaskName]?: {
    readonly input: TaskInput<Name>
    readonly output?: TaskOutput<Name>
  }
}

const asset = {
  _id: '665f1c2e9b1e8a0012ab34cd',
  asset_id: 'asset_0f3c9a5b7d2e4f60818a9b0c1d2e3f40',
  kind: 'image',
  media_type: 'image/png',
  storage_ref: {
    mount: 'main',
    name: 'line-3/0001.png',
    version: '1.0.0',
    qualified_key: 'main/line-3/0001.png@1.0.0',
  },
  checksum: 'sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a',
  size_bytes: 1,
  payload_status: 'present',
  payload_status_updated_at: null,
  payload_status_reason: null,
  payload_storage_ref: null,
  payload_checksum: null,
  payload_size_bytes: null,
  payload_verified_at: null,
  subject: null,
  metadata: { line: 3 },
  created_at: '2026-05-29T12:45:30.123Z',
  created_by: null,
  updated_at: '2026-05-29T12:45:30.123Z',
} as const

const collection = {
  _id: '665f1c2e9b1e8a0012ab34ce',
  collection_id: 'collection_0f3c9a5b7d2e4f60818a9b0c1d2e3f40',
  name: 'bench-7',
  description: null,
  status: 'active',
  metadata: { line: 3 },
  created_at: '2026-05-29T12:45:30.123Z',
  created_by: null,
  updated_at: '2026-05-29T12:45:30.123Z',
} as const

/** Requests, and some answers, of the tasks that people meet first. */
export const examples: Examples = {
  'objects.put': { input: { name: 'line-3/0001.png', data_base64: 'AQ==', mount: 'main' } },
  'objects.get': { input: { storage_ref: { mount: 'main', name: 'line-3/0001.png' } } },
  'assets.create_from_object': {
    input: {
      name: 'line-3/0001.png',
      data_base64: 'AQ==',
      kind: 'image',
      media_type: 'image/png',
      asset_metadata: { line: 3 },
    },
    output: { asset },
  },
  'assets.get': { input: { id: asset.asset_id }, output: { asset } },
  'assets.list_page': {
    input: {
      limit: 100,
      sort: 'created_desc',
      include_total: true,
      filters: { kind: 'image', 'metadata.line': { $gte: 3 } },
    },
    output: {
      items: [asset],
      page: { limit: 100, next_cursor: null, has_more: false, total_count: 1 },
    },
  },
  'keys.create': { input: { name: 'line 3', role: 'writer' } },
  'collections.create': {
    input: { name: 'bench-7', metadata: { line: 3 } },
    output: { collection },
  },
  'collections.list_page': { input: { limit: 20, filters: { status: 'active' } } },
  'datums.create': { input: { asset_refs: { image: asset.asset_id }, split: 'train' } },
  'dataset_versions.create': {
    input: {
      dataset_name: 'bottles',
      version: '1.0.0',
      manifest: ['datum_0f3c9a5b7d2e4f60818a9b0c1d2e3f40'],
    },
  },
  'dataset_versions.view_page': {
    input: {
      dataset_name: 'bottles',
      version: '1.0.0',
      limit: 50,
      filters: [{ field: 'split', op: 'eq', value: 'train' }],
      expand: { assets: true, annotation_records: true },
    },
  },
}
