import type { IngestItem, IngestSample, Lake } from '@mindtrace/contract'
import { bytesOf, streamOf } from '@mindtrace/core'
import { sha256Hex } from '@mindtrace/core/hash'
import { describe, expect, it } from 'vitest'
import {
  aCollection,
  anIngestRecord,
  anIngestSchema,
  aSample,
  aVersion,
  beginIngest,
  bytes,
  commitIngest,
} from '../builders.ts'
import { codeOf, expectRefusals, type InLake, type LakeUnderTest } from '../lake-under-test.ts'

const named = { dataset_name: 'pets', version: '1' } as const

/** The item as it is, its payloads in memory. */
const whole = (item: IngestItem): IngestItem => item

/** The item with each payload as a stream that is opened when it is its turn. */
function streamed({ sample, payloads }: IngestItem): IngestItem {
  return {
    sample,
    payloads: Object.fromEntries(
      Object.entries(payloads).map(([role, payload]) => [
        role,
        () => streamOf(payload as Uint8Array),
      ]),
    ),
  }
}

const changed = ({ sample, payloads }: IngestItem, fields: Partial<IngestSample>): IngestItem => ({
  sample: { ...sample, ...fields },
  payloads,
})

/** Counts of all that an ingest writes. */
async function countsOf(lake: Lake): Promise<Record<string, number>> {
  const { counts } = await lake.lake.stats()
  const { assets, datums, annotation_sets, annotation_records, annotation_schemas } = counts
  return { assets, datums, annotation_sets, annotation_records, annotation_schemas } as Record<
    string,
    number
  >
}

const samplesOf = (count: number): IngestItem[] =>
  Array.from({ length: count }, (_, index) => aSample(index))

/** Bulk ingests: begin, plan, groups, commit, abandon. */
export function describeIngest(
  inLake: InLake,
  { wrongStreamsFailCalls = false }: Pick<LakeUnderTest, 'wrongStreamsFailCalls'>,
): void {
  it(
    'make of each sample a datum with assets, aliases, sets and records, and a version of all',
    inLake(async (lake) => {
      const session_id = await beginIngest(lake, {
        description: 'all pets',
        metadata: { from: 'disk' },
        created_by: 'importer',
      })
      const items = samplesOf(3)
      const result = await lake.streams.ingestGroup(session_id, items)
      expect(result.written).toEqual({
        assets: 3,
        datums: 3,
        annotation_sets: 3,
        annotation_records: 3,
        payload_bytes: 24,
      })
      expect(result.samples.map(({ status }) => status)).toEqual(['created', 'created', 'created'])
      const { session } = await commitIngest(lake, session_id, items)
      expect(session).toMatchObject({ ...named, state: 'committed', journaled: 3 })

      const { resolved_dataset_version: resolved } = await lake.datasetVersions.resolve(named)
      expect(resolved.dataset_version).toMatchObject({
        dataset_version_id: session.dataset_version_id,
        description: 'all pets',
        metadata: { from: 'disk' },
        created_by: 'importer',
        manifest: result.samples.map(({ datum_id }) => datum_id),
      })
      const { annotation_schema } = await lake.annotationSchemas.getByNameVersion({
        name: 'boxes',
        version: '1',
      })
      for (const [index, one] of resolved.datums.entries()) {
        const { image } = one.assets
        const digest = sha256Hex(`pixels ${index}`)
        expect(one.datum).toMatchObject({ split: 'train', metadata: { place: index } })
        expect(image).toMatchObject({
          kind: 'image',
          media_type: 'image/png',
          size_bytes: 8,
          checksum: `sha256:${digest}`,
          payload_status: 'present',
          created_by: 'importer',
          storage_ref: { mount: 'main', name: `sha256-${digest}` },
        })
        const { body } = await lake.streams.readAsset(image?.asset_id as string)
        expect(await bytesOf(body, 100)).toEqual(bytes(`pixels ${index}`))
        const alias = image?.asset_id as string
        expect((await lake.assets.getByAlias({ alias })).asset).toEqual(image)
        const [set] = one.annotation_sets
        expect(set).toMatchObject({
          name: 'truth',
          status: 'active',
          annotation_schema_id: annotation_schema.annotation_schema_id,
        })
        const [record] = one.annotation_records[set?.annotation_set_id as string] ?? []
        expect(record).toMatchObject({
          kind: 'bbox',
          label: 'cat',
          subject: { kind: 'asset', id: image?.asset_id },
        })
      }
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }),
  )

  it(
    'order the manifest by ordinal, however the groups came',
    inLake(async (lake) => {
      const session_id = await beginIngest(lake)
      const items = samplesOf(6)
      for (const order of [[4, 0], [5, 2, 1], [3]]) {
        const group = order.map((index) => items[index] as IngestItem)
        await lake.streams.ingestGroup(session_id, group)
      }
      await commitIngest(lake, session_id, items)
      const { items: rows } = await lake.datasetVersions.viewPage(named)
      expect(rows.map(({ metadata }) => metadata.place)).toEqual([0, 1, 2, 3, 4, 5])
    }),
  )

  it(
    'change nothing when they are repeated, before and after the commit',
    inLake(async (lake) => {
      const items = samplesOf(4)
      const session_id = await beginIngest(lake)
      const first = await lake.streams.ingestGroup(session_id, items)
      const counts = await countsOf(lake)
      const repeat = async () => {
        expect(await beginIngest(lake)).toBe(session_id)
        const again = await lake.streams.ingestGroup(session_id, items)
        expect(again.samples).toEqual(
          first.samples.map((sample) => ({ ...sample, status: 'unchanged' })),
        )
        expect(again.written).toMatchObject({ assets: 0, datums: 0, payload_bytes: 0 })
        return await commitIngest(lake, session_id, items)
      }
      const committed = await repeat()
      expect(await repeat()).toEqual(committed)
      expect(await countsOf(lake)).toEqual(counts)
      expect((await lake.datasetVersions.list({})).dataset_versions).toHaveLength(1)
    }),
  )

  it(
    'go on where they were left: the plan says what is there',
    inLake(async (lake) => {
      const items = samplesOf(4)
      const session_id = await beginIngest(lake)
      const source_keys = items.map(({ sample }) => sample.source_key)
      expect(await lake.ingest.plan({ session_id, source_keys })).toEqual({ known: {} })
      await lake.streams.ingestGroup(session_id, items.slice(0, 2))
      const { session } = await lake.ingest.begin(named)
      expect(session).toMatchObject({ session_id, state: 'open', journaled: 2 })
      const { known } = await lake.ingest.plan({ session_id, source_keys })
      expect(Object.keys(known).toSorted()).toEqual(source_keys.slice(0, 2))
      await lake.streams.ingestGroup(session_id, items.slice(2))
      expect((await commitIngest(lake, session_id, items)).session.journaled).toBe(4)
    }),
  )

  it('make the same ids in two lakes', () =>
    inLake((one) =>
      inLake(async (other) => {
        const made = await Promise.all(
          [one, other].map(async (lake) => {
            const session_id = await beginIngest(lake)
            const { samples } = await lake.streams.ingestGroup(session_id, samplesOf(3))
            const { session } = await commitIngest(lake, session_id, samplesOf(3))
            const { annotation_records } = await lake.annotationRecords.list({})
            const ids = annotation_records.map(({ annotation_id }) => annotation_id)
            return { samples, session, ids }
          }),
        )
        expect(made[0]).toEqual(made[1])
      })(),
    )())

  it(
    'take two imports of the same samples at once',
    inLake(async (lake) => {
      const items = samplesOf(12)
      const run = async (order: readonly IngestItem[]) => {
        const session_id = await beginIngest(lake)
        for (let from = 0; from < order.length; from += 3) {
          await lake.streams.ingestGroup(session_id, order.slice(from, from + 3))
        }
        return await commitIngest(lake, session_id, items)
      }
      const [one, other] = await Promise.all([run(items), run(items.map(streamed))])
      expect(one).toEqual(other)
      expect(await countsOf(lake)).toMatchObject({ assets: 12, datums: 12, annotation_records: 12 })
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }),
  )

  it(
    'store the same bytes once, for any number of samples',
    inLake(async (lake) => {
      const session_id = await beginIngest(lake)
      const items = [0, 1, 2].map((index) => aSample(index, { pixels: 'the same' }))
      const { samples } = await lake.streams.ingestGroup(session_id, items)
      expect(new Set(samples.map(({ asset_ids }) => asset_ids.image)).size).toBe(3)
      const { assets } = await lake.assets.list({})
      expect(new Set(assets.map(({ storage_ref }) => storage_ref.qualified_key)).size).toBe(1)
    }),
  )

  it(
    'take streams as they take bytes',
    inLake(async (lake) => {
      const items = samplesOf(3)
      const session_id = await beginIngest(lake)
      const first = await lake.streams.ingestGroup(session_id, items.map(streamed))
      expect(first.written).toMatchObject({ assets: 3, payload_bytes: 24 })
      for (const item of [items, items.map(streamed)]) {
        const { samples } = await lake.streams.ingestGroup(session_id, item)
        expect(samples).toEqual(first.samples.map((one) => ({ ...one, status: 'unchanged' })))
      }
      await commitIngest(lake, session_id, items)
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }),
  )

  it(
    'take a source that is given piece by piece',
    inLake(async (lake) => {
      async function* source() {
        for (let index = 0; index < 5; index += 1) yield aSample(index)
      }
      const session_id = await beginIngest(lake)
      const { samples } = await lake.streams.ingestGroup(session_id, source())
      expect(samples.map(({ source_key }) => source_key)).toEqual(
        samplesOf(5).map(({ sample }) => sample.source_key),
      )
    }),
  )

  it(
    'keep what they have when a sample comes changed, and say so',
    inLake(async (lake) => {
      const items = samplesOf(2)
      const session_id = await beginIngest(lake)
      const { samples: first } = await lake.streams.ingestGroup(session_id, items)
      const item = items[0] as IngestItem
      const other = { ...aSample(0, { pixels: 'repainted' }) }
      const changes = [
        changed(item, { split: 'val' }),
        changed(item, { metadata: { place: 7 } }),
        changed(item, { annotation_sets: [] }),
        other,
        streamed(other),
      ]
      for (const group of changes) {
        const { samples, written } = await lake.streams.ingestGroup(session_id, [group])
        expect(samples[0]).toMatchObject({ status: 'failed', error: { code: 'CONFLICT' } })
        expect(written.datums).toBe(0)
      }
      const { samples } = await lake.streams.ingestGroup(session_id, items)
      expect(samples.map(({ status }) => status)).toEqual(['unchanged', 'unchanged'])
      const { body } = await lake.streams.readAsset(first[0]?.asset_ids.image as string)
      expect(await bytesOf(body, 100)).toEqual(bytes('pixels 0'))
      expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
    }),
  )

  it(
    'do not care when only the place of a sample has changed',
    inLake(async (lake) => {
      const [item] = samplesOf(1) as [IngestItem]
      const session_id = await beginIngest(lake)
      await lake.streams.ingestGroup(session_id, [item])
      const { samples } = await lake.streams.ingestGroup(session_id, [
        changed(item, { ordinal: 9 }),
      ])
      expect(samples[0]?.status).toBe('unchanged')
    }),
  )

  it(
    'that are aborted write no record, and go on afterwards',
    inLake(async (lake) => {
      const session_id = await beginIngest(lake)
      const stop = new AbortController()
      async function* source() {
        yield aSample(0)
        stop.abort(new Error('enough'))
        yield aSample(1)
      }
      const { signal } = stop
      await expect(lake.streams.ingestGroup(session_id, source(), { signal })).rejects.toThrow(
        'enough',
      )
      expect(await countsOf(lake)).toMatchObject({ assets: 0, datums: 0 })
      const { samples } = await lake.streams.ingestGroup(session_id, samplesOf(2))
      expect(samples.map(({ status }) => status)).toEqual(['created', 'created'])
    }),
  )

  describe('with samples that can not be taken', () => {
    const asset = (fields: object) => {
      const { sample } = aSample(1)
      return { assets: { image: { ...sample.assets.image, ...fields } } } as Partial<IngestSample>
    }
    const annotated = (...records: Partial<ReturnType<typeof anIngestRecord>>[]) => {
      const [set] = aSample(1).sample.annotation_sets
      const all = records.map((record) => anIngestRecord(record))
      return { annotation_sets: [{ ...set, records: all }] } as Partial<IngestSample>
    }
    const schemaOf = (schema: { name: string; version: string }) => {
      const [set] = aSample(1).sample.annotation_sets
      return { annotation_sets: [{ ...set, schema }] } as Partial<IngestSample>
    }
    type Faults = readonly (readonly [string, string, Partial<IngestSample>])[]
    const sizes: Faults = [
      ['too few bytes', 'CORRUPT', asset({ size_bytes: 9 })],
      ['too many bytes', 'CORRUPT', asset({ size_bytes: 7 })],
    ]
    const faults: Faults = [
      ...sizes,
      ['another hash', 'CORRUPT', asset({ sha256: '0'.repeat(64) })],
      ['a label that its schema lacks', 'INVALID_INPUT', annotated({ label: 'bird' })],
      ['a box without sides', 'INVALID_INPUT', annotated({}, { geometry: { x: 1, y: 2 } })],
      [
        'a subject that is none of its assets',
        'INVALID_INPUT',
        annotated({ subject_role: 'depth' }),
      ],
      ['a mask that is none of its assets', 'INVALID_INPUT', annotated({ mask_role: 'mask' })],
      ['a schema that nobody made', 'NOT_FOUND', schemaOf({ name: 'none', version: '1' })],
    ]

    it.each(faults)('fail only the one with %s', (what, code, fields) =>
      inLake(async (lake) => {
        const measured = wrongStreamsFailCalls && sizes.some(([size]) => size === what)
        for (const form of measured ? [whole] : [whole, streamed]) {
          const session_id = await beginIngest(lake, { version: form.name })
          const group = [aSample(0), changed(aSample(1), fields), aSample(2)].map(form)
          const { samples, written } = await lake.streams.ingestGroup(session_id, group)
          expect(samples.map(({ status }) => status)).toEqual(['created', 'failed', 'created'])
          expect(samples[1]).toMatchObject({ datum_id: null, asset_ids: {}, error: { code } })
          expect(written).toMatchObject({ assets: 2, datums: 2, annotation_records: 2 })
          // Put right, it is taken.
          const right = await lake.streams.ingestGroup(session_id, [aSample(1)].map(form))
          expect(right.samples[0]?.status).toBe('created')
        }
        expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
      })(),
    )

    if (wrongStreamsFailCalls) {
      it.each(sizes)('fail as a whole with a stream of %s', (_what, _code, fields) =>
        inLake(async (lake) => {
          const session_id = await beginIngest(lake)
          const group = [aSample(0), changed(aSample(1), fields)].map(streamed)
          await expectRefusals([
            ['INVALID_INPUT', () => lake.streams.ingestGroup(session_id, group)],
          ])
          expect(await countsOf(lake)).toMatchObject({ assets: 0, datums: 0 })
        })(),
      )
    }

    it(
      'refuse a group that is too large or no group of samples',
      inLake(async (lake) => {
        const session_id = await beginIngest(lake)
        const { sample, payloads } = aSample(0)
        const odd = { sample: { ...sample, source_key: '' }, payloads }
        await expectRefusals([
          ['VALIDATION_FAILED', () => lake.streams.ingestGroup(session_id, [odd])],
          ['TOO_LARGE', () => lake.streams.ingestGroup(session_id, samplesOf(1001))],
          ['NOT_FOUND', () => lake.streams.ingestGroup('ingest_0', samplesOf(1))],
        ])
        expect(await countsOf(lake)).toMatchObject({ assets: 0, datums: 0 })
        const none = await lake.streams.ingestGroup(session_id, [])
        expect(none.samples).toEqual([])
      }),
    )

    it(
      'take the first of two with one key in a group',
      inLake(async (lake) => {
        const session_id = await beginIngest(lake)
        const group = [aSample(0), aSample(0), changed(aSample(0), { split: 'test' })]
        const { samples } = await lake.streams.ingestGroup(session_id, group)
        expect(samples.map(({ status }) => status)).toEqual(['created', 'unchanged', 'failed'])
        expect(samples[2]?.error?.code).toBe('CONFLICT')
      }),
    )
  })

  it(
    'write masks as assets that the geometry names',
    inLake(async (lake) => {
      const mask = bytes('mask')
      const { sample, payloads } = aSample(0)
      const item: IngestItem = {
        sample: {
          ...sample,
          assets: {
            ...sample.assets,
            mask: {
              kind: 'mask',
              media_type: 'image/png',
              size_bytes: 4,
              sha256: null,
              metadata: {},
            },
          },
          annotation_sets: [
            {
              name: 'masks',
              purpose: 'ground_truth',
              source_type: 'human',
              status: 'active',
              schema: { name: 'masks', version: '1' },
              metadata: {},
              records: [
                anIngestRecord({ kind: 'mask', geometry: { format: 'png' }, mask_role: 'mask' }),
              ],
            },
          ],
        },
        payloads: { ...payloads, mask },
      }
      const schema = anIngestSchema({
        name: 'masks',
        task_type: 'segmentation',
        allowed_annotation_kinds: ['mask'],
      })
      const session_id = await beginIngest(lake, { schemas: [schema] })
      const { samples } = await lake.streams.ingestGroup(session_id, [item])
      expect(samples[0]?.error).toBeNull()
      const { asset_ids } = samples[0] as (typeof samples)[number]
      const { annotation_records } = await lake.annotationRecords.list({})
      expect(annotation_records[0]).toMatchObject({
        geometry: { format: 'png', mask_asset_id: asset_ids.mask },
        subject: { kind: 'asset', id: asset_ids.image },
      })
    }),
  )

  describe('their schemas', () => {
    const schemaOf = async (lake: Lake) =>
      (await lake.annotationSchemas.getByNameVersion({ name: 'boxes', version: '1' }))
        .annotation_schema

    it(
      'grow by labels, kinds and attributes that a repeated begin brings, and lose none',
      inLake(async (lake) => {
        await beginIngest(lake)
        await beginIngest(lake, {
          schemas: [
            anIngestSchema({
              labels: [
                { name: 'dog', color: 'red' },
                { name: 'cat', color: 'blue' },
              ],
              allowed_annotation_kinds: ['polygon', 'bbox'],
              required_attributes: ['truncated'],
              optional_attributes: ['pose'],
            }),
          ],
        })
        expect(await schemaOf(lake)).toMatchObject({
          labels: [
            { name: 'cat', color: null },
            { name: 'dog', color: 'red' },
          ],
          allowed_annotation_kinds: ['bbox', 'polygon'],
          required_attributes: [],
          optional_attributes: ['truncated', 'pose'],
        })
        const before = await schemaOf(lake)
        await beginIngest(lake)
        expect(await schemaOf(lake)).toEqual(before)
      }),
    )

    it(
      'are not turned to another task',
      inLake(async (lake) => {
        await beginIngest(lake)
        const schemas = [anIngestSchema({ task_type: 'classification' })]
        expect(await codeOf(() => beginIngest(lake, { version: '2', schemas }))).toBe('CONFLICT')
      }),
    )
  })

  describe('are committed', () => {
    it(
      'only when the journal holds just what the source has',
      inLake(async (lake) => {
        const items = samplesOf(3)
        const session_id = await beginIngest(lake)
        await lake.streams.ingestGroup(session_id, items.slice(0, 2))
        const commit = (samples: readonly IngestItem[]) => () =>
          commitIngest(lake, session_id, samples)
        await expectRefusals([
          ['CONFLICT', commit(items)],
          ['CONFLICT', commit(items.slice(0, 1))],
          ['CONFLICT', commit(items.slice(1))],
          ['CONFLICT', commit([items[1], items[0]] as IngestItem[])],
          ['NOT_FOUND', () => commitIngest(lake, 'ingest_0', [])],
          ['NOT_FOUND', () => lake.datasetVersions.get(named)],
        ])
        await commit(items.slice(0, 2))()
        await expectRefusals([
          ['CONFLICT', commit(items)],
          ['CONFLICT', () => lake.streams.ingestGroup(session_id, items)],
          ['CONFLICT', () => lake.ingest.abandon({ session_id })],
        ])
        expect(await countsOf(lake)).toMatchObject({ datums: 2 })
      }),
    )

    it(
      'with no samples at all, if the source has none',
      inLake(async (lake) => {
        const session_id = await beginIngest(lake)
        await commitIngest(lake, session_id, [])
        expect((await lake.datasetVersions.get(named)).dataset_version.manifest).toEqual([])
      }),
    )

    it(
      'never into a version that was made otherwise',
      inLake(async (lake) => {
        const session_id = await beginIngest(lake)
        await aVersion(lake, named)
        await aVersion(lake, { version: '2' })
        await lake.streams.ingestGroup(session_id, samplesOf(1))
        await expectRefusals([
          ['DUPLICATE', () => commitIngest(lake, session_id, samplesOf(1))],
          ['CONFLICT', () => beginIngest(lake, { version: '2' })],
          ['NOT_FOUND', () => beginIngest(lake, { version: '3', mount: 'nowhere' })],
        ])
      }),
    )
  })

  describe('that are abandoned', () => {
    it(
      'leave nothing of theirs, and everything else',
      inLake(async (lake) => {
        const kept = await beginIngest(lake)
        await lake.streams.ingestGroup(kept, samplesOf(2))
        const before = await countsOf(lake)
        // More annotations than one filter may name.
        const records = Array.from({ length: 3000 }, () => anIngestRecord())
        const [set] = aSample(0).sample.annotation_sets
        const annotation_sets = [{ ...set, records }] as IngestSample['annotation_sets']
        const session_id = await beginIngest(lake, { version: '2' })
        const items = samplesOf(4).map((item) => changed(item, { annotation_sets }))
        await lake.streams.ingestGroup(session_id, items)
        const gone = await lake.ingest.abandon({ session_id })
        expect(gone).toEqual({ session_id, samples_removed: 4 })
        expect(await countsOf(lake)).toEqual(before)
        await expectRefusals([
          ['NOT_FOUND', () => lake.ingest.abandon({ session_id })],
          ['NOT_FOUND', () => lake.ingest.plan({ session_id, source_keys: [] })],
        ])
        expect(await lake.lake.verify({ read_data: true })).toMatchObject({ ok: true })
        expect((await lake.streams.ingestGroup(kept, samplesOf(2))).samples[0]?.status).toBe(
          'unchanged',
        )
      }),
    )

    it(
      'stay when a collection holds one of their assets',
      inLake(async (lake) => {
        const session_id = await beginIngest(lake)
        const { samples } = await lake.streams.ingestGroup(session_id, samplesOf(2))
        const { collection_id } = await aCollection(lake)
        const asset_id = samples[0]?.asset_ids.image as string
        await lake.collectionItems.create({ collection_id, asset_id })
        await expectRefusals([['CONFLICT', () => lake.ingest.abandon({ session_id })]])
        expect(await countsOf(lake)).toMatchObject({ datums: 2, assets: 2 })
      }),
    )
  })
}
