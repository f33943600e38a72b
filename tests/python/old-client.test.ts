import { parseInput, type TaskName } from '@mindtrace/contract'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { python, runStory } from './run-story.ts'
import { type ServedLake, serveNewLake } from './served-lake.ts'

let lake: ServedLake
beforeAll(async () => {
  lake = await serveNewLake()
})
afterAll(async () => {
  await lake[Symbol.asyncDispose]()
})

async function post(task: string, init: RequestInit): Promise<Response> {
  return await fetch(`${lake.address}/${task}`, { method: 'POST', ...init })
}

type Json = Record<string, unknown>

async function call(task: TaskName, body: Json): Promise<Json> {
  const headers = { 'content-type': 'application/json' }
  const response = await post(task, { headers, body: JSON.stringify(body) })
  const text = await response.text()
  expect(response.status, `${task}: ${text}`).toBe(200)
  return JSON.parse(text) as Json
}

describe('a task without input reads no body', () => {
  const names = ['endpoints', 'status', 'heartbeat', 'server_id', 'class_name', 'pid_file']
  const lakeNames = ['health', 'summary', 'mounts']
  it.each([...names, ...lakeNames])('%s', async (name) => {
    const json = { 'content-type': 'application/json' }
    for (const init of [
      {},
      { headers: json, body: '{}' },
      { headers: json, body: 'null' },
      { headers: json, body: '{"not": json' },
      { headers: { 'content-type': 'text/plain' }, body: 'x' },
    ]) {
      const response = await post(name, init)
      expect(response.status, `${name} with ${JSON.stringify(init)}`).toBe(200)
      expect(response.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await response.json()).toBeTypeOf('object')
    }
  })
})

test('every unset field comes as null, and the answer holds every field', async () => {
  const { asset } = (await call('assets.create_from_object', {
    name: 'a',
    data_base64: 'AAEC',
    kind: 'image',
    media_type: 'image/png',
    mount: null,
    version: null,
    object_metadata: null,
    asset_metadata: null,
    checksum: null,
    size_bytes: null,
    subject: null,
    created_by: null,
    on_conflict: null,
  })) as { asset: Json }
  expect(Object.keys(asset).sort()).toEqual(assetKeys)
  expect(asset).toMatchObject({ _id: expect.stringMatching(/^[0-9a-f]{24}$/), metadata: {} })
  expect(asset).toMatchObject({ checksum: null, size_bytes: null, subject: null, created_by: null })

  await call('objects.put', {
    name: 'b',
    data_base64: '',
    mount: null,
    version: null,
    metadata: null,
    on_conflict: null,
  })
  await call('collections.create', {
    name: 'c',
    description: null,
    status: 'active',
    metadata: null,
    created_by: null,
  })
  const { datum } = (await call('datums.create', {
    asset_refs: { image: asset.asset_id },
    split: null,
    metadata: null,
    annotation_set_ids: null,
  })) as { datum: Json }
  await call('annotation_schemas.create', {
    name: 's',
    version: '1',
    task_type: 'other',
    allowed_annotation_kinds: [],
    labels: null,
    allow_scores: false,
    required_attributes: null,
    optional_attributes: null,
    allow_additional_attributes: false,
    metadata: null,
    created_by: null,
  })
  await call('annotation_sets.create', {
    name: 'n',
    purpose: 'other',
    source_type: 'human',
    status: 'draft',
    metadata: null,
    created_by: null,
    datum_id: null,
    annotation_schema_id: null,
  })
  await call('dataset_versions.create', {
    dataset_name: 'd',
    version: '1',
    manifest: [datum.datum_id],
    description: null,
    source_dataset_version_id: null,
    metadata: null,
    created_by: null,
  })
  const page = { limit: null, cursor: null, include_total: false }
  for (const family of [
    'assets',
    'collections',
    'collection_items',
    'asset_retentions',
    'annotation_schemas',
    'annotation_sets',
    'annotation_records',
    'datums',
  ] as const) {
    await call(`${family}.list`, { filters: null })
    const answer = await call(`${family}.list_page`, {
      ...page,
      sort: 'created_desc',
      filters: null,
    })
    expect(answer.page).toEqual({
      limit: 100,
      next_cursor: null,
      has_more: false,
      total_count: null,
    })
  }
  await call('dataset_versions.list', { dataset_name: null, filters: null })
  const answer = await call('dataset_versions.view_page', {
    ...page,
    sort: 'manifest_order',
    filters: [],
    expand: { assets: false, annotation_sets: false, annotation_records: false },
    dataset_name: 'd',
    version: '1',
  })
  expect(answer.items).toEqual([
    {
      datum_id: datum.datum_id,
      split: null,
      metadata: {},
      assets: null,
      annotation_sets: null,
      annotation_records: null,
    },
  ])
})

const assetKeys = [
  '_id',
  'asset_id',
  'checksum',
  'created_at',
  'created_by',
  'kind',
  'media_type',
  'metadata',
  'payload_checksum',
  'payload_size_bytes',
  'payload_status',
  'payload_status_reason',
  'payload_status_updated_at',
  'payload_storage_ref',
  'payload_verified_at',
  'size_bytes',
  'storage_ref',
  'subject',
  'updated_at',
]

test('the database id of a document that is sent is ignored, whatever its name', async () => {
  const written = { type: 'human', name: 'me', version: null, metadata: {} }
  const sent = {
    revision_id: null,
    annotation_id: 'annotation_mine',
    subject: { kind: 'asset', id: 'asset_1' },
    kind: 'bbox',
    label: 'cat',
    label_id: null,
    score: null,
    source: written,
    geometry: {},
    attributes: {},
    metadata: {},
    created_at: '2020-01-01T00:00:00.123456',
    updated_at: '2020-01-01T00:00:00',
  }
  const id = '5f0c1c9e5f0c1c9e5f0c1c9e'
  const { annotation_records } = (await call('annotation_records.add', {
    annotations: [{ id, ...sent }, { _id: id, ...sent }, { id: null, ...sent }, sent],
    annotation_set_id: null,
    annotation_schema_id: null,
  })) as { annotation_records: Json[] }
  const ids = annotation_records.map(({ _id }) => _id)
  expect(new Set([...ids, id]).size).toBe(5)
  for (const record of annotation_records) {
    expect(record._id).toMatch(/^[0-9a-f]{24}$/)
    expect(record).not.toHaveProperty('id')
    expect(record).not.toHaveProperty('revision_id')
    expect(record.annotation_id).not.toBe('annotation_mine')
    expect(record.created_at).toMatch(/Z$/)
  }
})

test('a reference to an object is sent with a key of its own, which is computed anew', async () => {
  await call('objects.put', { name: 'keyed', data_base64: 'AAEC', mount: 'main' })
  const { storage_ref } = await call('objects.get', {
    storage_ref: { mount: 'main', name: 'keyed', version: null, qualified_key: 'elsewhere/x@9' },
  })
  expect(storage_ref).toMatchObject({ qualified_key: 'main/keyed' })
})

test.skipIf(python === undefined)(
  'the package writes the database id as `id`, and its documents fit (set MINDTRACE_TEST_PYTHON)',
  { timeout: 60_000 },
  async () => {
    const told = await runStory('stored_documents.py', lake)
    expect(told.map(({ task }) => task)).toEqual([
      'dataset_versions.import_prepare',
      'replication.upsert_batch',
      'dataset_versions.streaming_import_push_batch',
    ])
    for (const { task, body } of told) {
      expect(JSON.stringify(body)).toMatch(/"id":"[0-9a-f]{24}"/)
      expect(JSON.stringify(body)).not.toContain('"_id"')
      const parsed = JSON.stringify(parseInput(task as TaskName, body))
      expect(parsed).not.toMatch(/"id":"[0-9a-f]{24}"/)
      const response = await post(task, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(response.status, await response.text()).not.toBe(422)
    }
  },
)
