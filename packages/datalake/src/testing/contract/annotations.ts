import { setImmediate } from 'node:timers/promises'
import type { Lake } from '@mindtrace/contract'
import { describe, expect, it } from 'vitest'
import { aBox, aDatum, anAsset, aRecord, aSchema, aSet } from '../builders.ts'
import { atOnce, codeOf, expectRefusals, type InLake } from '../lake-under-test.ts'

/** Annotation schemas, without the rules they lay down. */
export function describeSchemas(inLake: InLake): void {
  it(
    'have defaults for all that is left out, in their labels too',
    inLake(async (lake) => {
      const { annotation_schema } = await lake.annotationSchemas.create({
        name: 'any',
        version: '1',
        task_type: 'other',
        allowed_annotation_kinds: ['keypoint'],
        labels: [{ name: 'nose' }],
      })
      expect(annotation_schema).toMatchObject({
        labels: [{ name: 'nose', id: null, display_name: null, color: null, metadata: {} }],
        allow_scores: false,
        required_attributes: [],
        optional_attributes: [],
        allow_additional_attributes: false,
        metadata: {},
        created_by: null,
      })
      const got = await lake.annotationSchemas.getByNameVersion({ name: 'any', version: '1' })
      expect(got).toEqual({ annotation_schema })
      await expectRefusals([
        ['NOT_FOUND', () => lake.annotationSchemas.getByNameVersion({ name: 'any', version: '2' })],
      ])
    }),
  )

  it(
    'are one for each name and version, and make sense',
    inLake(async (lake) => {
      await aSchema(lake)
      const { annotation_schema_id } = await aSchema(lake, { version: '2' })
      const update = (changes: Record<string, unknown>) => () =>
        lake.annotationSchemas.update({ annotation_schema_id, changes })
      const labels = (...names: unknown[]) => names.map((name) => ({ name }))
      await expectRefusals([
        ['DUPLICATE', () => aSchema(lake)],
        ['DUPLICATE', update({ version: '1' })],
        ['VALIDATION_FAILED', () => aSchema(lake, { version: '3', task_type: 'bogus' })],
        [
          'VALIDATION_FAILED',
          () => aSchema(lake, { version: '3', allowed_annotation_kinds: ['bogus'] }),
        ],
        ['VALIDATION_FAILED', () => aSchema(lake, { version: '3', labels: labels(5) })],
        ['VALIDATION_FAILED', () => aSchema(lake, { version: '3', labels: [{}] })],
        ['INVALID_INPUT', () => aSchema(lake, { version: '3', labels: labels('cat', 'cat') })],
        [
          'INVALID_INPUT',
          () =>
            aSchema(lake, {
              version: '3',
              labels: [
                { name: 'a', id: 1 },
                { name: 'b', id: 1 },
              ],
            }),
        ],
        ['INVALID_INPUT', update({ labels: labels('cat', 'cat') })],
        ['VALIDATION_FAILED', update({ labels: [{ name: 'x', id: 'one' }] })],
      ])
      expect((await lake.annotationSchemas.list({})).annotation_schemas).toHaveLength(2)
    }),
  )

  it(
    'are made once when fifty make the same at once',
    inLake(async (lake) => {
      const { values, codes } = await atOnce(50, () => aSchema(lake))
      expect(values).toHaveLength(1)
      expect(new Set(codes)).toEqual(new Set(['DUPLICATE']))
    }),
  )

  it(
    'are not deleted while a set uses them',
    inLake(async (lake) => {
      const { annotation_schema_id } = await aSchema(lake)
      const { annotation_set_id } = await aSet(lake, { annotation_schema_id })
      const remove = () => lake.annotationSchemas.delete({ id: annotation_schema_id })
      await expectRefusals([['CONFLICT', remove]])
      const changes = { annotation_schema_id: null }
      await lake.annotationSets.update({ annotation_set_id, changes })
      expect(await remove()).toBeNull()
    }),
  )

  it(
    'are never deleted under a set that is made at the same time',
    inLake(async (lake) => {
      const made = await Promise.all(
        Array.from({ length: 10 }, (_, index) => aSchema(lake, { version: String(index) })),
      )
      await Promise.all(
        made.flatMap(({ annotation_schema_id }) => [
          codeOf(() => aSet(lake, { annotation_schema_id })),
          codeOf(() => lake.annotationSchemas.delete({ id: annotation_schema_id })),
        ]),
      )
      const { annotation_schemas } = await lake.annotationSchemas.list({})
      const left = annotation_schemas.map((schema) => schema.annotation_schema_id)
      for (const set of (await lake.annotationSets.list({})).annotation_sets) {
        expect(left).toContain(set.annotation_schema_id)
      }
    }),
  )
}

/** Annotation sets. */
export function describeSets(inLake: InLake): void {
  it(
    'have defaults and are listed by the datum they are made for',
    inLake(async (lake) => {
      const { datum_id, updated_at } = await aDatum(lake)
      const first = await aSet(lake, { datum_id })
      expect(first).toMatchObject({
        status: 'draft',
        annotation_schema_id: null,
        annotation_record_ids: [],
        metadata: {},
        created_by: null,
      })
      const second = await aSet(lake, { datum_id })
      const { datum } = await lake.datums.get({ id: datum_id })
      expect(datum.annotation_set_ids).toEqual([first.annotation_set_id, second.annotation_set_id])
      expect(datum.updated_at > updated_at).toBe(true)
    }),
  )

  it(
    'refuse what does not exist or does not fit, and are then not made',
    inLake(async (lake) => {
      const { datum_id } = await aDatum(lake)
      await expectRefusals([
        ['NOT_FOUND', () => aSet(lake, { datum_id: 'datum_0' })],
        ['NOT_FOUND', () => aSet(lake, { datum_id, annotation_schema_id: 'schema_0' })],
        ['VALIDATION_FAILED', () => aSet(lake, { datum_id, purpose: 'bogus' })],
        ['VALIDATION_FAILED', () => aSet(lake, { datum_id, source_type: 'bogus' })],
        ['VALIDATION_FAILED', () => aSet(lake, { datum_id, status: 'bogus' })],
      ])
      expect((await lake.annotationSets.list({})).annotation_sets).toEqual([])
      expect((await lake.datums.get({ id: datum_id })).datum.annotation_set_ids).toEqual([])
    }),
  )

  it(
    'are updated with references that exist only',
    inLake(async (lake) => {
      const { annotation_set_id } = await aSet(lake)
      const update = (changes: Record<string, unknown>) => () =>
        lake.annotationSets.update({ annotation_set_id, changes })
      await expectRefusals([
        ['NOT_FOUND', update({ annotation_schema_id: 'schema_0' })],
        ['NOT_FOUND', update({ annotation_record_ids: ['annotation_0'] })],
        ['VALIDATION_FAILED', update({ annotation_record_ids: null })],
      ])
      const { annotation_id } = await aRecord(lake)
      const { annotation_set } = await update({ annotation_record_ids: [annotation_id] })()
      expect(annotation_set.annotation_record_ids).toEqual([annotation_id])
    }),
  )

  it(
    'are all listed by a datum to which fifty are added at once',
    inLake(async (lake) => {
      const { datum_id } = await aDatum(lake)
      const { values } = await atOnce(50, () => aSet(lake, { datum_id }))
      expect(values).toHaveLength(50)
      const { datum } = await lake.datums.get({ id: datum_id })
      const ids = values.map(({ annotation_set_id }) => annotation_set_id)
      expect(datum.annotation_set_ids.toSorted()).toEqual(ids.toSorted())
    }),
  )
}

/** Annotation records, without the rules of schemas. */
export function describeRecords(inLake: InLake): void {
  const add = (lake: Lake, input: Parameters<Lake['annotationRecords']['add']>[0]) => () =>
    lake.annotationRecords.add(input)

  it(
    'have defaults, and ids and times of the lake only',
    inLake(async (lake) => {
      const record = await aRecord(lake, {
        annotation_id: 'mine',
        created_at: '2000-01-01T00:00:00Z',
        nonsense: 1,
        geometry: { type: 'bbox', anything: [1] },
      })
      expect(record.annotation_id).toMatch(/^annotation_[0-9a-f]{32}$/)
      expect(record.created_at > '2001').toBe(true)
      expect(record).toEqual({
        _id: record._id,
        annotation_id: record.annotation_id,
        subject: { kind: 'asset', id: 'asset_of_somewhere' },
        kind: 'bbox',
        label: 'cat',
        label_id: null,
        score: null,
        source: { type: 'human', name: 'annotator', version: null, metadata: {} },
        geometry: { type: 'bbox', anything: [1] },
        attributes: {},
        metadata: {},
        created_at: record.created_at,
        updated_at: record.created_at,
      })
    }),
  )

  it(
    'are added to their set in order, about the one image of its datums',
    inLake(async (lake) => {
      const { asset_id: image } = await anAsset(lake)
      const { datum_id } = await aDatum(lake, { asset_refs: { image } })
      const { annotation_set_id, updated_at } = await aSet(lake, { datum_id })
      const another = { kind: 'annotation', id: 'annotation_x' }
      const annotations = [aBox({ label: 'a' }), aBox({ label: 'b', subject: another }), aBox()]
      const { annotation_records } = await add(lake, { annotation_set_id, annotations })()
      expect(annotation_records.map(({ label }) => label)).toEqual(['a', 'b', 'cat'])
      expect(annotation_records.map(({ subject }) => subject)).toEqual([
        { kind: 'asset', id: image },
        another,
        { kind: 'asset', id: image },
      ])
      const { annotation_set } = await lake.annotationSets.get({ id: annotation_set_id })
      expect(annotation_set.annotation_record_ids).toEqual(
        annotation_records.map(({ annotation_id }) => annotation_id),
      )
      const { items } = await lake.annotationRecords.listPage({})
      expect(items).toEqual(annotation_records.toReversed())
      expect(annotation_set.updated_at > updated_at).toBe(true)
      // Two datums with the same image leave no doubt.
      const { datum_id: second } = await aDatum(lake, { asset_refs: { image } })
      const annotation_set_ids = [annotation_set_id]
      await lake.datums.update({ datum_id: second, changes: { annotation_set_ids } })
      const more = await add(lake, { annotation_set_id, annotations: [aBox()] })()
      expect(more.annotation_records[0]?.subject).toEqual({ kind: 'asset', id: image })
    }),
  )

  it(
    'need a subject where none follows from their set',
    inLake(async (lake) => {
      const subject = { kind: 'asset', id: 'asset_x' }
      const { annotation_set_id: alone } = await aSet(lake)
      const bare = await aDatum(lake, { asset_refs: { depth: (await anAsset(lake)).asset_id } })
      const { annotation_set_id: imageless } = await aSet(lake, { datum_id: bare.datum_id })
      const { annotation_set_id: torn } = await aSet(lake, {
        datum_id: (await aDatum(lake)).datum_id,
      })
      const { datum_id } = await aDatum(lake)
      await lake.datums.update({ datum_id, changes: { annotation_set_ids: [torn] } })
      for (const annotation_set_id of [alone, imageless, torn]) {
        await expectRefusals([
          ['INVALID_INPUT', add(lake, { annotation_set_id, annotations: [aBox()] })],
          [
            'INVALID_INPUT',
            add(lake, { annotation_set_id, annotations: [aBox({ subject }), aBox()] }),
          ],
        ])
        const given = await add(lake, { annotation_set_id, annotations: [aBox({ subject })] })()
        expect(given.annotation_records[0]?.subject).toEqual(subject)
      }
      const annotation = { kind: 'annotation', id: 'annotation_x' }
      await expectRefusals([
        ['INVALID_INPUT', add(lake, { annotations: [aBox()] })],
        ['INVALID_INPUT', add(lake, { annotations: [aBox({ subject: annotation })] })],
        [
          'INVALID_INPUT',
          add(lake, { annotations: [aBox({ subject: { kind: 'asset', id: ' ' } })] }),
        ],
      ])
    }),
  )

  it(
    'are refused as a whole when one of them is not right',
    inLake(async (lake) => {
      const subject = { kind: 'asset', id: 'asset_x' }
      const { annotation_schema_id } = await aSchema(lake)
      const { annotation_set_id } = await aSet(lake, { annotation_schema_id })
      const batch = (...annotations: Record<string, unknown>[]) =>
        add(lake, {
          annotation_set_id,
          annotations: annotations.map((one) => ({ subject, ...one })),
        })
      const { kind: _kind, ...kindless } = aBox()
      const { label: _label, ...labelless } = aBox()
      const { source: _source, ...sourceless } = aBox()
      await expectRefusals([
        ['VALIDATION_FAILED', batch(aBox(), kindless)],
        ['VALIDATION_FAILED', batch(aBox(), labelless)],
        ['VALIDATION_FAILED', batch(aBox(), sourceless)],
        ['VALIDATION_FAILED', batch(aBox(), aBox({ kind: 'cube' }))],
        ['VALIDATION_FAILED', batch(aBox(), aBox({ source: { type: 'rumour', name: 'x' } }))],
        ['VALIDATION_FAILED', batch(aBox(), aBox({ subject: { kind: 'datum', id: 'x' } }))],
        ['VALIDATION_FAILED', batch(aBox(), aBox({ score: 'high' }))],
        ['VALIDATION_FAILED', batch(aBox(), aBox({ geometry: [1, 2] }))],
        ['INVALID_INPUT', batch(aBox(), aBox({ label: 'bird' }))],
        ['NOT_FOUND', add(lake, { annotation_set_id: 'set_0', annotations: [aBox()] })],
        [
          'NOT_FOUND',
          add(lake, { annotation_schema_id: 'schema_0', annotations: [aBox({ subject })] }),
        ],
      ])
      expect((await lake.annotationRecords.list({})).annotation_records).toEqual([])
      const { annotation_set } = await lake.annotationSets.get({ id: annotation_set_id })
      expect(annotation_set.annotation_record_ids).toEqual([])
    }),
  )

  it(
    'are none when none are given, whatever they would be added to',
    inLake(async (lake) => {
      const none = await add(lake, { annotation_set_id: 'set_0', annotations: [] })()
      expect(none).toEqual({ annotation_records: [] })
    }),
  )

  it(
    "follow their set's schema, and the given one only outside a set",
    inLake(async (lake) => {
      const subject = { kind: 'asset', id: 'asset_x' }
      const { annotation_schema_id } = await aSchema(lake)
      const { annotation_set_id: free } = await aSet(lake)
      const bird = [aBox({ label: 'bird', subject })]
      await add(lake, { annotation_set_id: free, annotation_schema_id, annotations: bird })()
      await expectRefusals([
        ['INVALID_INPUT', add(lake, { annotation_schema_id, annotations: bird })],
      ])
      const cat = [aBox({ subject })]
      expect(await codeOf(add(lake, { annotation_schema_id, annotations: cat }))).toBe('no error')
    }),
  )

  it(
    'are all in a set to which fifty callers add at once',
    inLake(async (lake) => {
      const { annotation_set_id } = await aSet(lake, { datum_id: (await aDatum(lake)).datum_id })
      const { values } = await atOnce(50, () =>
        lake.annotationRecords.add({ annotation_set_id, annotations: [aBox(), aBox()] }),
      )
      const ids = values.flatMap(({ annotation_records }) =>
        annotation_records.map(({ annotation_id }) => annotation_id),
      )
      expect(new Set(ids).size).toBe(100)
      const { annotation_set } = await lake.annotationSets.get({ id: annotation_set_id })
      expect(annotation_set.annotation_record_ids.toSorted()).toEqual(ids.toSorted())
    }),
  )

  it(
    'are seen all or not at all while a large batch is added',
    inLake(async (lake) => {
      const { annotation_set_id: id } = await aSet(lake, {
        datum_id: (await aDatum(lake)).datum_id,
      })
      const annotations = Array.from({ length: 2500 }, () => aBox())
      const adding = lake.annotationRecords.add({ annotation_set_id: id, annotations })
      let added = false
      const done = adding.then(() => {
        added = true
      })
      const seen = new Set<number>()
      while (!added) {
        // Lets the writer go on where a read never leaves this turn of the event loop.
        await setImmediate()
        const { annotation_set } = await lake.annotationSets.get({ id })
        const { page } = await lake.annotationRecords.listPage({ limit: 1, include_total: true })
        seen.add(annotation_set.annotation_record_ids.length).add(page.total_count as number)
      }
      await done
      expect([...seen, 0, 2500].every((count) => count === 0 || count === 2500)).toBe(true)
    }),
  )

  it(
    'leave every set when they are deleted',
    inLake(async (lake) => {
      const { annotation_id: id } = await aRecord(lake)
      const { annotation_id: other } = await aRecord(lake)
      const sets = [await aSet(lake), await aSet(lake)]
      for (const { annotation_set_id } of sets) {
        const changes = { annotation_record_ids: [id, other] }
        await lake.annotationSets.update({ annotation_set_id, changes })
      }
      await lake.annotationRecords.delete({ id })
      for (const { annotation_set_id } of sets) {
        const { annotation_set } = await lake.annotationSets.get({ id: annotation_set_id })
        expect(annotation_set.annotation_record_ids).toEqual([other])
      }
    }),
  )

  describe('when changed', () => {
    it(
      'are whole afterwards: a source and a subject with their defaults',
      inLake(async (lake) => {
        const { annotation_id } = await aRecord(lake)
        const changes = {
          score: 0.5,
          source: { type: 'machine', name: 'model' },
          subject: { kind: 'annotation', id: 'annotation_y' },
        }
        const { annotation_record } = await lake.annotationRecords.update({
          annotation_id,
          changes,
        })
        expect(annotation_record).toMatchObject({
          score: 0.5,
          source: { type: 'machine', name: 'model', version: null, metadata: {} },
          subject: { kind: 'annotation', id: 'annotation_y' },
        })
      }),
    )

    it(
      'still fit the schemas of the sets that hold them',
      inLake(async (lake) => {
        const { annotation_schema_id } = await aSchema(lake)
        const { annotation_set_id } = await aSet(lake, { annotation_schema_id })
        const subject = { kind: 'asset', id: 'asset_x' }
        const { annotation_records } = await add(lake, {
          annotation_set_id,
          annotations: [aBox({ subject })],
        })()
        const annotation_id = annotation_records[0]?.annotation_id as string
        const update = (changes: Record<string, unknown>) => () =>
          lake.annotationRecords.update({ annotation_id, changes })
        await expectRefusals([
          ['INVALID_INPUT', update({ label: 'bird' })],
          ['INVALID_INPUT', update({ geometry: {} })],
          ['INVALID_INPUT', update({ score: 1 })],
        ])
        const got = await lake.annotationRecords.get({ id: annotation_id })
        expect(got.annotation_record).toEqual(annotation_records[0])
        expect((await update({ label: 'dog' })()).annotation_record.label).toBe('dog')
      }),
    )
  })
}
