import { AnnotationRecord, AnnotationSource, parse, SubjectRef } from '@mindtrace/contract'
import { type CallOptions, MindtraceError, newId } from '@mindtrace/core'
import { z } from 'zod'
import { checkRecords } from './annotation-rules.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { listingsOf } from './listings.ts'
import { guardEagerList, listAll } from './pages/list.ts'
import { listPage } from './pages/page.ts'
import * as definitions from './records/collections.ts'
import { inTransaction, type Records } from './records/records.ts'
import { checkChanges, setFields } from './records/update.ts'

/** What a caller may say of a new record; ids and times are the lake's, everything else is ignored. */
const NewRecord = z.object({
  subject: SubjectRef.nullable().default(null),
  kind: AnnotationRecord.shape.kind,
  label: AnnotationRecord.shape.label,
  label_id: AnnotationRecord.shape.label_id,
  score: AnnotationRecord.shape.score,
  source: AnnotationSource,
  geometry: AnnotationRecord.shape.geometry,
  attributes: AnnotationRecord.shape.attributes,
  metadata: AnnotationRecord.shape.metadata,
})

const NewRecords = z.object({ annotations: z.array(NewRecord) })

/** Annotation records: single typed annotations with their provenance. */
export function annotationRecordHandlers(parts: LakeParts) {
  const { records, clock } = parts
  const listing = listingsOf(parts).annotationRecords
  return {
    'annotation_records.add': async (input, options) => {
      const { annotation_set_id: setId, annotation_schema_id: schemaId } = input
      if (input.annotations.length === 0) return { annotation_records: [] }
      const { annotations } = parse(
        NewRecords,
        { annotations: input.annotations },
        'annotation_records.add: input',
      )
      const annotation_records = await inTransaction(
        parts.database,
        async (tx) => {
          const set =
            setId === null
              ? null
              : await tx.annotationSets.get(setId, { fields: ['annotation_schema_id'] })
          const subject = setId === null ? null : await defaultSubject(tx, setId, annotations)
          if (setId === null) requireAssetSubjects(annotations)
          const boundSchemaId = set === null ? schemaId : set.annotation_schema_id
          if (boundSchemaId !== null) {
            checkRecords(await tx.annotationSchemas.get(boundSchemaId), annotations)
          }
          const now = clock.now()
          // Rising ids keep a batch in its order where lists sort by the one time that all of it has.
          const ids = annotations.map(() => newId('annotation')).sort()
          const { inserted } = await tx.annotationRecords.insertMany(
            annotations.map((annotation, index) => ({
              ...annotation,
              annotation_id: ids[index] as string,
              subject: annotation.subject ?? subject,
              created_at: now,
              updated_at: now,
            })),
          )
          if (setId !== null) {
            await tx.annotationSets.update(setId, {
              add: { annotation_record_ids: inserted.map(({ annotation_id }) => annotation_id) },
              set: { updated_at: now },
            })
          }
          return [...inserted]
        },
        options,
      )
      return { annotation_records }
    },
    'annotation_records.get': async ({ id }, options) => ({
      annotation_record: await records.annotationRecords.get(id, options),
    }),
    'annotation_records.list': async ({ filters }, options) => ({
      annotation_records: await listAll(parts, listing, filters, options),
    }),
    'annotation_records.list_page': (input, options) => listPage(parts, listing, input, options),
    'annotation_records.list_for_asset': async ({ asset_id }, options) => {
      guardEagerList(parts, 'annotation_records_for_asset')
      return {
        annotation_records: await records.annotationRecords.find(ofAsset(asset_id), options),
      }
    },
    'annotation_records.list_for_asset_page': ({ asset_id, ...request }, options) =>
      listPage(parts, listing, { ...request, filters: ofAsset(asset_id) }, options),
    'annotation_records.update': async ({ annotation_id, changes }, options) => {
      const mutable = [
        'subject',
        'kind',
        'label',
        'label_id',
        'score',
        'source',
        'geometry',
        'attributes',
        'metadata',
      ] as const
      const checked = checkChanges(definitions.annotationRecords, mutable, changes)
      const annotation_record = await inTransaction(
        parts.database,
        async (tx) => {
          const updated = await setFields(parts, tx.annotationRecords, annotation_id, checked, {})
          await checkAgainstSets(tx, updated)
          return updated
        },
        options,
      )
      return { annotation_record }
    },
    'annotation_records.delete': async ({ id }, options) => {
      await inTransaction(
        parts.database,
        async (tx) => {
          const sets = await tx.annotationSets.find(
            { annotation_record_ids: id },
            { fields: ['annotation_set_id'] },
          )
          const now = clock.now()
          for (const { annotation_set_id } of sets) {
            await tx.annotationSets.update(annotation_set_id, {
              remove: { annotation_record_ids: [id] },
              set: { updated_at: now },
            })
          }
          await tx.annotationRecords.delete(id)
        },
        options,
      )
      return null
    },
  } satisfies Handlers
}

/** The filter for the records of an asset. */
export function ofAsset(assetId: string) {
  return { 'subject.kind': 'asset', 'subject.id': assetId }
}

type Annotations = readonly z.output<typeof NewRecord>[]

/** The subject of records that name none: the one image of the datums that list the set. */
async function defaultSubject(
  tx: Records,
  setId: string,
  annotations: Annotations,
): Promise<SubjectRef | null> {
  if (annotations.every(({ subject }) => subject !== null)) return null
  const linked = await tx.datums.find({ annotation_set_ids: setId }, { fields: ['asset_refs'] })
  const images = new Set(linked.flatMap(({ asset_refs }) => asset_refs.image ?? []))
  const [image, another] = images
  if (image === undefined) {
    const why =
      linked.length === 0 ? 'no datum lists it' : "none of its datums has an 'image' asset"
    throw subjectError(`annotation set '${setId}' gives records no default subject: ${why}`)
  }
  if (another !== undefined) {
    throw subjectError(`the datums of annotation set '${setId}' have different images`)
  }
  return { kind: 'asset', id: image }
}

function requireAssetSubjects(annotations: Annotations): void {
  for (const [index, { subject }] of annotations.entries()) {
    if (subject?.kind === 'asset' && subject.id.trim() !== '') continue
    throw subjectError(`annotation ${index}: a record outside a set needs an asset as its subject`)
  }
}

function subjectError(message: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `${message}; give each record a subject`)
}

/** A changed record must still fit the schemas of the sets that hold it. */
async function checkAgainstSets(
  tx: Records,
  record: AnnotationRecord,
  options: CallOptions = {},
): Promise<void> {
  const sets = await tx.annotationSets.find(
    { annotation_record_ids: record.annotation_id, annotation_schema_id: { $ne: null } },
    { ...options, fields: ['annotation_schema_id'] },
  )
  const ids = sets.flatMap(({ annotation_schema_id }) => annotation_schema_id ?? [])
  for (const schema of (await tx.annotationSchemas.getMany(ids, options)).values()) {
    checkRecords(schema, [record])
  }
}
