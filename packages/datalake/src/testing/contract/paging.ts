import type { Lake } from '@mindtrace/contract'
import { fixedClock } from '@mindtrace/core/testing'
import { describe, expect, it } from 'vitest'
import { anAsset, aRecord } from '../builders.ts'
import { expectRefusals, type InLake } from '../lake-under-test.ts'
import {
  callTask,
  inOrder,
  pagedIds,
  pageOf,
  type Resource,
  type Row,
  resources,
} from './resources.ts'

const assets = resources[0] as Resource

/** Cursor pages: complete, in order, stable, and only for the listing they were made for. */
export function describePages(inLake: InLake): void {
  const cases = resources.flatMap((resource) =>
    Object.entries(resource.sorts).map(([sort, keys]) => ({
      family: resource.family,
      resource,
      sort,
      keys,
    })),
  )

  it.each(cases)(
    'give every row of $family once in the order $sort, whatever the limit',
    ({ resource, sort, keys }) => {
      const run = async (lake: Lake) => {
        for (let index = 0; index < 9; index += 1) await resource.create(lake, index)
        const rows = (await callTask(lake, `${resource.family}.list`, {}))[resource.many] as Row[]
        const wanted = inOrder(rows, keys).map((row) => row[resource.key])
        for (const limit of [1, 2, 3, 8, 9, 10]) {
          expect(await pagedIds(lake, resource, { sort, limit })).toEqual(wanted)
        }
      }
      // Once with times that differ, once with times that are all the same.
      return inLake(run)().then(inLake(run, { clock: fixedClock(undefined, 0) }))
    },
  )

  it.each(resources)(
    'hide rows of $family that came after the first page, and pass over those that went',
    (resource) =>
      inLake(async (lake) => {
        for (let index = 0; index < 4; index += 1) await resource.create(lake, index)
        const before = await pagedIds(lake, resource, { sort: 'created_desc' })
        let index = 4
        const paged = await pagedIds(lake, resource, { limit: 1 }, async () => {
          await resource.create(lake, index)
          index += 1
        })
        expect(paged).toEqual(before)
        if (!resource.deletes) return
        const now = await pagedIds(lake, resource, { sort: 'created_desc' })
        const doomed = now.at(-1) as string
        let deleted = false
        const rest = await pagedIds(lake, resource, { limit: 2 }, async () => {
          if (!deleted) await callTask(lake, `${resource.family}.delete`, { id: doomed })
          deleted = true
        })
        expect(rest).toEqual(now.slice(0, -1))
      })(),
  )

  it(
    'say how many rows there are, of the moment of the first page, only when asked',
    inLake(async (lake) => {
      await Promise.all(Array.from({ length: 5 }, () => anAsset(lake)))
      await anAsset(lake, { kind: 'mask' })
      const filters = { kind: 'image' }
      const first = await pageOf(lake, assets, { limit: 2, filters, include_total: true })
      expect(first.page).toMatchObject({ limit: 2, has_more: true, total_count: 5 })
      await anAsset(lake)
      const { next_cursor: cursor } = first.page
      const second = await pageOf(lake, assets, { limit: 3, filters, cursor, include_total: true })
      expect(second.items).toHaveLength(3)
      expect(second.page).toEqual({ limit: 3, has_more: false, next_cursor: null, total_count: 5 })
      expect((await pageOf(lake, assets, { filters })).page.total_count).toBeNull()
    }),
  )

  it(
    'have a limit by default and a largest one',
    inLake(
      async (lake) => {
        await Promise.all(Array.from({ length: 4 }, () => anAsset(lake)))
        expect((await pageOf(lake, assets, {})).page).toMatchObject({ limit: 2, has_more: true })
        expect((await pageOf(lake, assets, { limit: 3 })).items).toHaveLength(3)
        await expectRefusals([
          ['INVALID_INPUT', () => pageOf(lake, assets, { limit: 4 })],
          ['VALIDATION_FAILED', () => pageOf(lake, assets, { limit: 0 })],
          ['VALIDATION_FAILED', () => pageOf(lake, assets, { limit: 1.5 })],
        ])
      },
      { settings: { defaultPageLimit: 2, maxPageLimit: 3 } },
    ),
  )

  it.each(resources)('refuse sorts and cursors that are not those of $family', (resource) =>
    inLake(async (lake) => {
      for (let index = 0; index < 3; index += 1) await resource.create(lake, index)
      const { next_cursor: cursor } = (await pageOf(lake, resource, { limit: 1 })).page
      const other = resources.find(({ family }) => family !== resource.family) as Resource
      const page = (input: Row) => () => pageOf(lake, resource, input)
      const [, otherSort] = Object.keys(resource.sorts)
      await expectRefusals([
        ['INVALID_INPUT', page({ sort: 'name_asc' })],
        ['INVALID_INPUT', page({ sort: 'constructor' })],
        ['INVALID_CURSOR', page({ cursor: 'garbage' })],
        ['INVALID_CURSOR', page({ cursor: '' })],
        ['INVALID_CURSOR', page({ cursor, sort: otherSort })],
        ['INVALID_CURSOR', page({ cursor, filters: { 'metadata.a': 1 } })],
        ['INVALID_CURSOR', () => pageOf(lake, other, { cursor })],
      ])
      expect((await pageOf(lake, resource, { cursor, limit: 2 })).items).toHaveLength(2)
    })(),
  )

  describe('cursors that somebody has changed', () => {
    const tampered: readonly (readonly [string, (envelope: Envelope) => unknown])[] = [
      ['an operator as a key', (envelope) => withKey(envelope, { asset_id: { $gt: '' } })],
      [
        'a key too few',
        ({ last_key: { asset_id: _, ...last_key }, ...rest }) => ({ ...rest, last_key }),
      ],
      ['a key too many', (envelope) => withKey(envelope, { kind: 'image' })],
      ['a key of the wrong type', (envelope) => withKey(envelope, { asset_id: 5 })],
      ['a null where none occurs', (envelope) => withKey(envelope, { created_at: null })],
      ['a time that is none', (envelope) => withKey(envelope, { created_at: 'yesterday' })],
      ['no snapshot', (envelope) => ({ ...envelope, snapshot_token: null })],
      ['a snapshot that is no JSON', (envelope) => ({ ...envelope, snapshot_token: '{' })],
      ['a snapshot of another kind', (envelope) => withSnapshot(envelope, { kind: 'none' })],
      [
        'a snapshot of another resource',
        (envelope) => withSnapshot(envelope, { resource: 'datums' }),
      ],
      [
        'a snapshot of another field',
        (envelope) => withSnapshot(envelope, { field: 'updated_at' }),
      ],
      ['a snapshot without a time', (envelope) => withSnapshot(envelope, { cutoff: null })],
      ['a list instead of an envelope', (envelope) => [envelope]],
      ['a number as its resource', (envelope) => ({ ...envelope, resource: 1 })],
      ['too much text', (envelope) => withKey(envelope, { asset_id: 'x'.repeat(5000) })],
    ]

    it(
      'are refused, all with the one error',
      inLake(async (lake) => {
        for (let index = 0; index < 3; index += 1) await anAsset(lake)
        const { next_cursor } = (await pageOf(lake, assets, { limit: 1 })).page
        const envelope = decode(next_cursor as string)
        await expectRefusals(
          tampered.map(([, change]) => {
            const cursor = encode(change(structuredClone(envelope)))
            return ['INVALID_CURSOR', () => pageOf(lake, assets, { cursor })]
          }),
        )
        expect((await pageOf(lake, assets, { cursor: encode(envelope) })).items).toHaveLength(2)
      }),
    )

    it(
      'show nothing that a new listing would not show',
      inLake(async (lake) => {
        for (let index = 0; index < 3; index += 1) await anAsset(lake)
        const { next_cursor } = (await pageOf(lake, assets, { limit: 1 })).page
        const far = { __mindtrace_type__: 'datetime', value: '2999-01-01T00:00:00+00:00' }
        const cursor = encode(
          withSnapshot(withKey(decode(next_cursor as string), { created_at: far }), {
            cutoff: far,
          }),
        )
        expect((await pageOf(lake, assets, { cursor })).items).toHaveLength(3)
      }),
    )
  })

  it(
    'list the records of an asset by the same rules',
    inLake(async (lake) => {
      const asset_id = 'asset_x'
      const subject = { kind: 'asset', id: asset_id }
      const made = []
      for (let index = 0; index < 3; index += 1) made.push(await aRecord(lake, { subject }))
      await aRecord(lake, { subject: { kind: 'asset', id: 'asset_y' } })
      const { annotation_records } = await lake.annotationRecords.listForAsset({ asset_id })
      expect(annotation_records).toEqual(made)
      const none = await lake.annotationRecords.listForAsset({ asset_id: 'asset_0' })
      expect(none.annotation_records).toEqual([])

      const list = lake.annotationRecords.listForAssetPage
      const first = await list({ asset_id, limit: 2, include_total: true })
      expect(first.items).toEqual([made[2], made[1]])
      expect(first.page.total_count).toBe(3)
      const { next_cursor: cursor } = first.page
      expect((await list({ asset_id, limit: 2, cursor })).items).toEqual([made[0]])
      const sort = 'subject_created_desc'
      expect((await list({ asset_id, sort })).items).toEqual(made.toReversed())
      await expectRefusals([
        ['INVALID_CURSOR', () => list({ asset_id: 'asset_y', cursor })],
        ['INVALID_CURSOR', () => list({ asset_id, sort, cursor })],
        ['INVALID_INPUT', () => list({ asset_id, sort: 'created_asc' })],
        ['INVALID_INPUT', () => list({ asset_id, limit: 501 })],
      ])
    }),
  )
}

interface Envelope {
  readonly last_key: Row
  readonly snapshot_token: string
  readonly [field: string]: unknown
}

function decode(cursor: string): Envelope {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString())
}

function encode(envelope: unknown): string {
  return Buffer.from(JSON.stringify(envelope)).toString('base64url')
}

function withKey(envelope: Envelope, key: Row): Envelope {
  return { ...envelope, last_key: { ...envelope.last_key, ...key } }
}

function withSnapshot(envelope: Envelope, snapshot: Row): Envelope {
  const token = { ...JSON.parse(envelope.snapshot_token), ...snapshot }
  return { ...envelope, snapshot_token: JSON.stringify(token) }
}
