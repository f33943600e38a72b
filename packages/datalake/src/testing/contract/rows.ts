import type { Lake, Rows, RowTask } from '@mindtrace/contract'
import { expect, it } from 'vitest'
import { aDatum, anAsset, aRecord, aVersion } from '../builders.ts'
import { codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'
import { pagedIds, pageOf, type Resource, type Row, resources } from './resources.ts'

const assets = resources[0] as Resource

function rowsOf(lake: Lake, name: string, input: Row = {}): Rows<Row> {
  return lake.streams.rows(name as RowTask, input as never) as unknown as Rows<Row>
}

async function all<T>(rows: Rows<T>): Promise<T[]> {
  const read: T[] = []
  for await (const row of rows) read.push(row)
  return read
}

/** Every row with the cursor that leads on after it. */
async function withCursors(rows: Rows<Row>): Promise<{ row: Row; cursor: string }[]> {
  const placed = []
  expect(rows.cursor).toBeNull()
  for await (const row of rows) placed.push({ row, cursor: rows.cursor as string })
  return placed
}

/** The rows of all pages as one stream: complete, in order, and to be gone on with from each of them. */
export function describeRows(inLake: InLake): void {
  const cases = resources.flatMap((resource) =>
    Object.keys(resource.sorts).map((sort) => ({ family: resource.family, resource, sort })),
  )

  it.each(cases)('are those of the pages of $family in the order $sort', ({ resource, sort }) =>
    inLake(async (lake) => {
      for (let index = 0; index < 7; index += 1) await resource.create(lake, index)
      const name = `${resource.family}.list_page`
      const { items } = await pageOf(lake, resource, { sort })
      expect(items).toHaveLength(7)
      const placed = await withCursors(rowsOf(lake, name, { sort }))
      expect(placed.map(({ row }) => row)).toEqual(items)
      expect(await all(rowsOf(lake, name, { sort, limit: 3 }))).toEqual(items.slice(0, 3))
      for (const [index, { cursor }] of placed.entries()) {
        const rest = items.slice(index + 1)
        expect(await all(rowsOf(lake, name, { sort, cursor }))).toEqual(rest)
        expect((await pageOf(lake, resource, { sort, cursor })).items).toEqual(rest)
      }
      const first = await pageOf(lake, resource, { sort, limit: 2 })
      const { next_cursor: cursor } = first.page
      expect(await all(rowsOf(lake, name, { sort, cursor }))).toEqual(items.slice(2))
    })(),
  )

  it(
    'come in any number, and once each',
    inLake(async (lake) => {
      const { asset_id } = await anAsset(lake)
      const annotation = (index: number) => ({
        kind: 'bbox' as const,
        label: `label ${index}`,
        source: { type: 'machine' as const, name: 'model' },
        subject: { kind: 'asset' as const, id: asset_id },
      })
      const { annotation_records: made } = await lake.annotationRecords.add({
        annotations: Array.from({ length: 1203 }, (_, index) => annotation(index)),
      })
      const wanted = made.map(({ annotation_id }) => annotation_id).sort()
      const name = 'annotation_records.list_page'
      const placed = await withCursors(rowsOf(lake, name))
      const ids = placed.map(({ row }) => row.annotation_id)
      expect(ids.toSorted()).toEqual(wanted)
      expect(ids).toEqual(
        await pagedIds(lake, { family: 'annotation_records', key: 'annotation_id' } as Resource, {
          limit: 400,
        }),
      )
      for (const at of [0, 498, 499, 500, 501, 777, 1202]) {
        const { cursor } = placed[at] as { cursor: string }
        const rest = await all(rowsOf(lake, name, { cursor }))
        expect(rest.map((row) => row.annotation_id)).toEqual(ids.slice(at + 1))
      }
      const limited = await withCursors(rowsOf(lake, name, { limit: 1001 }))
      expect(limited.map(({ row }) => row.annotation_id)).toEqual(ids.slice(0, 1001))
      const { cursor } = limited.at(-1) as { cursor: string }
      expect(await all(rowsOf(lake, name, { cursor, limit: 1 }))).toEqual([placed[1001]?.row])
      expect(
        await all(rowsOf(lake, 'annotation_records.list_for_asset_page', { asset_id })),
      ).toEqual(placed.map(({ row }) => row))
    }),
  )

  it(
    'are those that existed at the beginning, also of one that goes on',
    inLake(async (lake) => {
      for (let index = 0; index < 4; index += 1) await anAsset(lake)
      const ids = await pagedIds(lake, assets, {})
      const rows = rowsOf(lake, 'assets.list_page')
      const seen: unknown[] = []
      for await (const row of rows) {
        seen.push(row.asset_id)
        await anAsset(lake)
        if (seen.length === 2) break
      }
      const { cursor } = rows
      const rest = await all(rowsOf(lake, 'assets.list_page', { cursor }))
      expect([...seen, ...rest.map((row) => row.asset_id)]).toEqual(ids)
    }),
  )

  it(
    'are filtered as pages are',
    inLake(async (lake) => {
      for (const kind of ['image', 'mask', 'image'] as const) await anAsset(lake, { kind })
      const filters = { $or: [{ kind: 'mask' }, { kind: 'file' }] }
      const rows = await all(rowsOf(lake, 'assets.list_page', { filters }))
      expect(rows.map((row) => row.kind)).toEqual(['mask'])
      expect(await all(rowsOf(lake, 'assets.list_page', { filters: { kind: 'file' } }))).toEqual([])
      await aVersion(lake, { dataset_name: 'a' })
      const { dataset_version_id } = await aVersion(lake, { dataset_name: 'b' })
      const versions = await all(
        rowsOf(lake, 'dataset_versions.list_page', { dataset_name: 'b', filters: null }),
      )
      expect(versions.map((row) => row.dataset_version_id)).toEqual([dataset_version_id])
    }),
  )

  it(
    'of a dataset version are those of its view, with what was asked for',
    inLake(async (lake) => {
      const manifest: string[] = []
      for (let index = 0; index < 5; index += 1) {
        const split = index % 2 === 0 ? ('train' as const) : ('val' as const)
        const { asset_id } = await anAsset(lake)
        await aRecord(lake, { subject: { kind: 'asset', id: asset_id } })
        const datum = await aDatum(lake, { asset_refs: { image: asset_id }, split })
        manifest.push(datum.datum_id)
      }
      await aVersion(lake, { dataset_name: 'd', version: '1', manifest })
      const name = 'dataset_versions.view_page'
      for (const more of [
        {},
        { expand: { annotation_sets: true, annotation_records: true } },
        { filters: [{ field: 'split', op: 'eq', value: 'train' }] },
      ]) {
        const input = { dataset_name: 'd', version: '1', ...more }
        const { items } = await lake.datasetVersions.viewPage(input as never)
        const placed = await withCursors(rowsOf(lake, name, input))
        expect(placed.map(({ row }) => row)).toEqual(items)
        expect(placed.length).toBeGreaterThan(2)
        expect(await all(rowsOf(lake, name, { ...input, limit: 2 }))).toEqual(items.slice(0, 2))
        for (const [index, { cursor }] of placed.entries()) {
          expect(await all(rowsOf(lake, name, { ...input, cursor }))).toEqual(
            items.slice(index + 1),
          )
        }
      }
    }),
  )

  it(
    'refuse what pages refuse, when they are read',
    inLake(async (lake) => {
      for (let index = 0; index < 3; index += 1) await anAsset(lake)
      const { next_cursor: cursor } = (await pageOf(lake, assets, { limit: 1 })).page
      const read = (name: string, input: Row) => () => all(rowsOf(lake, name, input))
      const list = (input: Row) => read('assets.list_page', input)
      await expectRefusals([
        ['INVALID_INPUT', list({ sort: 'name_asc' })],
        ['INVALID_INPUT', list({ include_total: true })],
        ['INVALID_CURSOR', list({ cursor: 'garbage' })],
        ['INVALID_CURSOR', list({ cursor, sort: 'created_asc' })],
        ['INVALID_CURSOR', list({ cursor, filters: { kind: 'mask' } })],
        ['INVALID_CURSOR', read('datums.list_page', { cursor })],
        ['QUERY_NOT_SUPPORTED', list({ filters: { $where: '1' } })],
        ['QUERY_NOT_SUPPORTED', list({ filters: { nothing: 1 } })],
        ['VALIDATION_FAILED', list({ limit: 0 })],
        ['VALIDATION_FAILED', list({ limit: 'all' })],
        ['NOT_FOUND', read('dataset_versions.view_page', { dataset_name: 'x', version: '1' })],
        [
          'INVALID_INPUT',
          read('dataset_versions.view_page', { dataset_name: 'x', version: '1', sort: 'x' }),
        ],
      ])
    }),
  )

  it(
    'are read once, may be left, and stop with the signal',
    inLake(async (lake) => {
      for (let index = 0; index < 3; index += 1) await anAsset(lake)
      const rows = rowsOf(lake, 'assets.list_page')
      for await (const _row of rows) break
      expect(await codeOf(() => all(rows))).toBe('INTERNAL')
      const stop = new AbortController()
      const stopped = lake.streams.rows('assets.list_page', {}, { signal: stop.signal })
      const reason = new Error('enough')
      stop.abort(reason)
      await expect(all(stopped)).rejects.toBe(reason)
      expect((await pageOf(lake, assets, {})).items).toHaveLength(3)
    }),
  )
}
