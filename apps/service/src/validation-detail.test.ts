import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { fakeLake } from './testing/fake-lake.ts'
import { clientOf, post, testApp } from './testing/test-app.ts'
import { validationDetail } from './validation-detail.ts'

interface Exchange {
  readonly n: number
  readonly path: string
  readonly body: string
  readonly detail: readonly {
    readonly type: string
    readonly loc: readonly unknown[]
    readonly msg: string
    readonly input: unknown
    readonly ctx?: unknown
  }[]
}

const golden: readonly Exchange[] = JSON.parse(
  await readFile(join(import.meta.dirname, '../fixtures/golden-422.json'), 'utf8'),
)

const app = testApp(fakeLake())

async function detailOf(path: string, body: unknown) {
  const response = await post(app, path, body)
  expect(response.status).toBe(422)
  expect(response.headers.get('mindtrace-error')).toBe('VALIDATION_FAILED')
  return ((await response.json()) as Pick<Exchange, 'detail'>).detail
}

test.each(golden)('answers exchange $n of the Python service in its words', async (exchange) => {
  const detail = await detailOf(exchange.path, exchange.body)
  // What the decoder says of broken JSON is its own.
  const comparable = detail.map((error) =>
    error.type === 'json_invalid' ? { ...error, ctx: { error: 'Expecting value' } } : error,
  )
  expect(comparable).toEqual(exchange.detail)
})

const asset = { kind: 'image', media_type: 'image/png', storage_ref: { mount: 'm', name: 'n' } }
const view = { dataset_name: 'd', version: '1' }
const bundle = {
  dataset_version: {
    dataset_version_id: 'x',
    dataset_name: 'd',
    version: '1',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  },
}

test.each([
  ['no body', '/assets.get', '', 'missing', []],
  ['an absent key', '/assets.get', {}, 'missing', ['id']],
  [
    'an absent key further down',
    '/objects.get',
    { storage_ref: { mount: 'm' } },
    'missing',
    ['storage_ref', 'name'],
  ],
  ['no JSON', '/assets.get', '{"id": x}', 'json_invalid', [7]],
  ['a list for the body', '/assets.get', [], 'model_attributes_type', []],
  [
    'a text for a model',
    '/objects.get',
    { storage_ref: 'x' },
    'model_attributes_type',
    ['storage_ref'],
  ],
  ['a number for text', '/assets.get', { id: 5 }, 'string_type', ['id']],
  ['null for text', '/assets.get', { id: null }, 'string_type', ['id']],
  ['a list for an integer', '/assets.list_page', { limit: [] }, 'int_type', ['limit']],
  ['a word for an integer', '/assets.list_page', { limit: 'ten' }, 'int_parsing', ['limit']],
  ['a fraction for an integer', '/assets.list_page', { limit: 1.5 }, 'int_from_float', ['limit']],
  [
    'a list for a number',
    '/dataset_versions.import_start',
    { bundle, commit_progress_every_seconds: [] },
    'float_type',
    ['commit_progress_every_seconds'],
  ],
  [
    'a word for a number',
    '/dataset_versions.import_start',
    { bundle, commit_progress_every_seconds: 'x' },
    'float_parsing',
    ['commit_progress_every_seconds'],
  ],
  [
    'a list for a truth value',
    '/assets.list_page',
    { include_total: [] },
    'bool_type',
    ['include_total'],
  ],
  [
    'a word for a truth value',
    '/assets.list_page',
    { include_total: 'perhaps' },
    'bool_parsing',
    ['include_total'],
  ],
  ['a text for a list', '/assets.download_urls', { asset_ids: 'x' }, 'list_type', ['asset_ids']],
  ['a list for a map', '/assets.list', { filters: [] }, 'dict_type', ['filters']],
  [
    'a word that is not in the set',
    '/assets.create',
    { ...asset, subject: { kind: 'x', id: 'i' } },
    'literal_error',
    ['subject', 'kind'],
  ],
  ['too small', '/assets.list_page', { limit: 0 }, 'greater_than_equal', ['limit']],
  [
    'too large',
    '/replication.tasks.claim',
    { worker_id: 'w', limit: 101 },
    'less_than_equal',
    ['limit'],
  ],
  [
    'not above its bound',
    '/dataset_versions.import_start',
    { bundle, commit_progress_every_seconds: 0 },
    'greater_than',
    ['commit_progress_every_seconds'],
  ],
  [
    'a number for a time',
    '/dataset_versions.import_start',
    { bundle: { dataset_version: { ...bundle.dataset_version, created_at: true } } },
    'datetime_type',
    ['bundle', 'dataset_version', 'created_at'],
  ],
  [
    'a rule of a field',
    '/dataset_versions.import_start',
    { bundle, mount_map: { '': 'a' } },
    'value_error',
    ['mount_map'],
  ],
  [
    'a rule of the whole',
    '/dataset_versions.import_start',
    { bundle, preserve_ids: false },
    'value_error',
    [],
  ],
  [
    'a list entry',
    '/dataset_versions.view_page',
    {
      ...view,
      filters: [
        { field: 'a', op: 'eq', value: 1 },
        { field: 5, op: 'eq' },
      ],
    },
    'string_type',
    ['filters', 1, 'field'],
  ],
] as const)('%s', async (_situation, path, body, type, loc) => {
  const detail = await detailOf(path, body)
  expect(detail).toContainEqual(expect.objectContaining({ type, loc: ['body', ...loc] }))
})

test('says what is wrong with a text that is no time', () => {
  const schema = z.object({ at: z.iso.datetime() })
  const body = { at: 'soon' }
  const { issues } = schema.safeParse(body).error as z.ZodError
  const error = new MindtraceError('VALIDATION_FAILED', 'x', { details: { issues } })
  expect(validationDetail(error, { body })).toEqual([
    expect.objectContaining({
      type: 'datetime_from_date_parsing',
      loc: ['body', 'at'],
      ctx: { error: 'not an ISO 8601 date and time' },
    }),
  ])
})

test('reports all errors of a body together', async () => {
  const detail = await detailOf('/collections.create', { description: 5 })
  expect(detail).toEqual([
    { type: 'missing', loc: ['body', 'name'], msg: 'Field required', input: { description: 5 } },
    {
      type: 'string_type',
      loc: ['body', 'description'],
      msg: 'Input should be a valid string',
      input: 5,
    },
  ])
})

test('quotes no more than a little of what was sent', async () => {
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
  for (const body of [
    { id: { data: 'x'.repeat(1_000_000) } },
    { id: Array.from({ length: 10_000 }, () => 'x'.repeat(100)) },
    `{"id":${deep}}`,
  ]) {
    const text = JSON.stringify(await detailOf('/assets.get', body))
    expect(text.length).toBeLessThan(5_000)
  }
})

test('gives a client the issues that the lake found', async () => {
  const remote = clientOf(app).assets.get({ id: 5 as never })
  await expect(remote).rejects.toMatchObject({
    code: 'VALIDATION_FAILED',
    message: 'assets.get: input does not fit: id: Input should be a valid string',
    details: { issues: [{ path: ['id'] }] },
  })
})
