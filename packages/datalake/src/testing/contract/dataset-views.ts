import type { Lake, StructuredFilter, TaskInput } from '@mindtrace/contract'
import { expect, it } from 'vitest'
import { aBox, aDatum, anAsset, aSet, aVersion } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'

const named = { dataset_name: 'pets', version: '1' } as const
type Request = Partial<TaskInput<'dataset_versions.view_page'>>

/** A version of five datums: splits train, val, none, train, test; `metadata.order` 1 to 5. */
async function aViewedVersion(lake: Lake): Promise<readonly string[]> {
  const splits = ['train', 'val', null, 'train', 'test'] as const
  const manifest: string[] = []
  for (const [index, split] of splits.entries()) {
    const { asset_id } = await anAsset(lake)
    const name = ['one', 'two', 'three', 'four', 'five'][index]
    const metadata = {
      order: index + 1,
      name,
      tags: [`tag ${index}`],
      ...(index === 2 ? { seen: true } : {}),
    }
    const datum = await aDatum(lake, { asset_refs: { image: asset_id }, split, metadata })
    manifest.push(datum.datum_id)
  }
  manifest.reverse()
  await aVersion(lake, { manifest })
  return manifest
}

const view = (lake: Lake, request: Request = {}) =>
  lake.datasetVersions.viewPage({ ...named, ...request })

const idsOf = async (lake: Lake, request: Request) =>
  (await view(lake, request)).items.map(({ datum_id }) => datum_id)

/** Pages of a dataset version's rows. */
export function describeDatasetViews(inLake: InLake): void {
  it(
    'give every row once in manifest order, whatever the limit',
    inLake(async (lake) => {
      const manifest = await aViewedVersion(lake)
      for (const limit of [1, 2, 4, 5, 6]) {
        const seen: string[] = []
        let cursor: string | null = null
        do {
          const answer: Awaited<ReturnType<typeof view>> = await view(lake, { limit, cursor })
          seen.push(...answer.items.map(({ datum_id }) => datum_id))
          cursor = answer.page.next_cursor
          expect(answer.page.has_more).toBe(cursor !== null)
          expect(answer.view).toEqual({ ...named, sort: 'manifest_order' })
        } while (cursor !== null)
        expect(seen).toEqual(manifest)
      }
    }),
  )

  const filters: readonly (readonly [readonly Partial<StructuredFilter>[], readonly number[]])[] = [
    [[], [5, 4, 3, 2, 1]],
    [[{ field: 'split', op: 'eq', value: 'train' }], [4, 1]],
    [[{ field: 'split', op: 'eq', value: null }], [3]],
    [[{ field: 'split', op: 'ne', value: 'train' }], [5, 3, 2]],
    [[{ field: 'split', op: 'in', value: ['val', null] }], [3, 2]],
    [[{ field: 'split', op: 'exists', value: true }], [5, 4, 2, 1]],
    [[{ field: 'split', op: 'exists' }], [3]],
    [[{ field: 'split', op: 'contains', value: 'a' }], [4, 2, 1]],
    [[{ field: 'metadata.order', op: 'gt', value: 3 }], [5, 4]],
    [[{ field: 'metadata.order', op: 'lte', value: 2 }], [2, 1]],
    [
      [
        { field: 'metadata.order', op: 'gte', value: 2 },
        { field: 'metadata.order', op: 'lt', value: 4 },
      ],
      [3, 2],
    ],
    [[{ field: 'metadata.name', op: 'contains', value: 'o' }], [4, 2, 1]],
    [[{ field: 'metadata.name', op: 'contains', value: 5 }], []],
    [[{ field: 'metadata.tags', op: 'contains', value: 'tag 1' }], [2]],
    [[{ field: 'metadata.tags', op: 'eq', value: ['tag 1'] }], [2]],
    [[{ field: 'metadata.tags.0', op: 'eq', value: 'tag 1' }], []],
    [[{ field: 'metadata.seen', op: 'exists', value: true }], [3]],
    [
      [
        { field: 'metadata.seen', op: 'gt', value: 0 },
        { field: 'split', op: 'eq', value: 'val' },
      ],
      [],
    ],
    [[{ field: 'nonsense', op: 'eq', value: 1 }], []],
    [[{ field: 'constructor', op: 'exists', value: true }], []],
    // An operand that is empty asks for what is not there.
    [[{ field: 'nonsense', op: 'exists', value: [] }], [5, 4, 3, 2, 1]],
    [[{ field: 'datum_id', op: 'exists', value: {} }], []],
    [[{ field: 'datum_id', op: 'exists', value: [0] }], [5, 4, 3, 2, 1]],
    [[{ field: 'created_at', op: 'lt', value: '2999-01-01' }], [5, 4, 3, 2, 1]],
  ]

  it(
    'are filtered by all filters, counted, and paged on',
    inLake(async (lake) => {
      const manifest = await aViewedVersion(lake)
      for (const [wanted, orders] of filters) {
        const request = { filters: wanted as StructuredFilter[], include_total: true }
        const { items, page } = await view(lake, request)
        const ids = orders.map((order) => manifest[5 - order])
        expect(
          items.map(({ datum_id }) => datum_id),
          JSON.stringify(wanted),
        ).toEqual(ids)
        expect(page.total_count).toBe(orders.length)
        const first = await view(lake, { filters: wanted as StructuredFilter[], limit: 1 })
        expect(first.page.has_more).toBe(orders.length > 1)
        if (orders.length < 2) continue
        const cursor = first.page.next_cursor
        expect(await idsOf(lake, { ...request, cursor })).toEqual(ids.slice(1))
      }
      const metadata = { b: 1, a: { d: 1, c: 2 } }
      const { datum_id } = await aDatum(lake, { asset_refs: {}, metadata })
      await aVersion(lake, { version: '2', manifest: [datum_id] })
      const value = { a: { c: 2, d: 1 }, b: 1 }
      expect(
        await idsOf(lake, { version: '2', filters: [{ field: 'metadata', op: 'eq', value }] }),
      ).toEqual([datum_id])
    }),
  )

  it(
    'show what was asked for, and null for the rest',
    inLake(async (lake) => {
      const image = await anAsset(lake)
      const { datum_id } = await aDatum(lake, {
        asset_refs: { image: image.asset_id },
        metadata: { a: 1 },
      })
      const { annotation_set_id: id } = await aSet(lake, { datum_id })
      const { annotation_records } = await lake.annotationRecords.add({
        annotation_set_id: id,
        annotations: [aBox(), aBox({ label: 'dog' })],
      })
      const { annotation_set } = await lake.annotationSets.get({ id })
      await aVersion(lake, { manifest: [datum_id] })
      const row = {
        datum_id,
        split: null,
        metadata: { a: 1 },
        assets: { image },
        annotation_sets: null,
        annotation_records: null,
      }
      const sets = { annotation_sets: [annotation_set] }
      const records = { annotation_records: { [id]: annotation_records } }
      const expanded = async (expand: NonNullable<Request['expand']>) =>
        (await view(lake, { expand })).items
      expect((await view(lake)).items).toEqual([row])
      expect(await expanded({ assets: false })).toEqual([{ ...row, assets: null }])
      expect(await expanded({ annotation_sets: true })).toEqual([{ ...row, ...sets }])
      expect(await expanded({ annotation_records: true })).toEqual([
        { ...row, ...sets, ...records },
      ])
    }),
  )

  it(
    'refuse bad limits, sorts, filters and cursors, and versions that do not exist',
    inLake(async (lake) => {
      await aViewedVersion(lake)
      await aVersion(lake, { version: '2', manifest: [] })
      const { next_cursor: cursor } = (await view(lake, { limit: 2 })).page
      const envelope = JSON.parse(Buffer.from(cursor as string, 'base64url').toString())
      const at = (last_key: unknown) =>
        Buffer.from(JSON.stringify({ ...envelope, last_key })).toString('base64url')
      const page = (request: Request) => () => view(lake, request)
      const filtered = (field: string, op: StructuredFilter['op'], value: unknown) =>
        page({ filters: [{ field, op, value }] })
      await expectRefusals([
        ['INVALID_INPUT', page({ limit: 501 })],
        ['VALIDATION_FAILED', page({ limit: 0 })],
        ['INVALID_INPUT', page({ sort: 'created_desc' })],
        ['NOT_FOUND', page({ version: '7' })],
        ['INVALID_CURSOR', page({ cursor: 'garbage' })],
        ['INVALID_CURSOR', page({ cursor, version: '2' })],
        [
          'INVALID_CURSOR',
          page({ cursor, filters: [{ field: 'split', op: 'exists', value: true }] }),
        ],
        ['INVALID_CURSOR', page({ cursor: at({ ordinal: -2, datum_id: 'x' }) })],
        ['INVALID_CURSOR', page({ cursor: at({ ordinal: 5, datum_id: 'x' }) })],
        ['INVALID_CURSOR', page({ cursor: at({ ordinal: '1', datum_id: 'x' }) })],
        ['INVALID_CURSOR', page({ cursor: at({ ordinal: 1.5, datum_id: 'x' }) })],
        ['INVALID_CURSOR', page({ cursor: at({ datum_id: 'x' }) })],
        ['INVALID_INPUT', filtered('metadata.order', 'gt', 'text')],
        ['INVALID_INPUT', filtered('metadata.order', 'gt', null)],
        ['INVALID_INPUT', filtered('metadata.name', 'lt', 5)],
        ['INVALID_INPUT', filtered('split', 'in', 'train')],
        ['INVALID_INPUT', filtered('created_at', 'gt', 'yesterday')],
        ['VALIDATION_FAILED', filtered('split', 'like' as 'eq', 'x')],
      ])
    }),
  )
}

/** The extension tasks about datasets as wholes. */
export function describeDatasets(inLake: InLake): void {
  it(
    'are listed by name with their latest version, page by page',
    inLake(async (lake) => {
      expect(await lake.datasets.list({})).toEqual({ datasets: [], next: null })
      const { datum_id } = await aDatum(lake, { asset_refs: {} })
      const first = await aVersion(lake, { dataset_name: 'b', version: '9' })
      const second = await aVersion(lake, {
        dataset_name: 'b',
        version: '10',
        manifest: [datum_id],
      })
      await aVersion(lake, { dataset_name: 'a' })
      await aVersion(lake, { dataset_name: 'é' })
      const { datasets, next } = await lake.datasets.list({})
      expect(datasets.map(({ dataset_name }) => dataset_name)).toEqual(['a', 'b', 'é'])
      expect(next).toBeNull()
      expect(datasets[1]).toEqual({
        dataset_name: 'b',
        latest_version: '10',
        versions: 2,
        datums: 1,
        created_at: first.created_at,
        updated_at: second.created_at,
      })
      const page = await lake.datasets.list({ limit: 2 })
      expect(page).toEqual({ datasets: datasets.slice(0, 2), next: 'b' })
      const rest = await lake.datasets.list({ limit: 1, after: page.next })
      expect(rest).toEqual({ datasets: datasets.slice(2), next: null })
      await expectRefusals([['VALIDATION_FAILED', () => lake.datasets.list({ limit: 501 })]])
    }),
  )

  it(
    'count what is in a version, shared assets and sets once',
    inLake(async (lake) => {
      const { asset_id: shared } = await anAsset(lake, { size_bytes: 10 })
      const { asset_id: own } = await anAsset(lake, { size_bytes: 5 })
      const first = await aDatum(lake, { asset_refs: { image: shared }, split: 'train' })
      const { annotation_set_id } = await aSet(lake, { datum_id: first.datum_id })
      const annotations = [aBox(), aBox(), aBox({ label: 'dog' })]
      await lake.annotationRecords.add({ annotation_set_id, annotations })
      const second = await aDatum(lake, {
        asset_refs: { image: shared, mask: own },
        annotation_set_ids: [annotation_set_id],
      })
      await aVersion(lake, { manifest: [first.datum_id, second.datum_id] })
      expect(await lake.datasets.stats(named)).toEqual({
        ...named,
        datums: 2,
        assets: 2,
        payload_bytes: 15,
        annotation_sets: 1,
        annotation_records: 3,
        splits: { train: 1, none: 1 },
        labels: { cat: 2, dog: 1 },
        kinds: { bbox: 3 },
      })
      const missing = { ...named, version: '7' }
      await expectRefusals([['NOT_FOUND', () => lake.datasets.stats(missing)]])
    }),
  )
}
