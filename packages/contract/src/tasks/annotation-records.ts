import { z } from 'zod'
import { AnnotationRecord } from '../model/annotations.ts'
import { PageInfo, PageRequest } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const AddAnnotationRecordsInput = z
  .object({
    annotations: z.array(jsonObject()),
    annotation_set_id: nullable(z.string()),
    annotation_schema_id: nullable(z.string()),
  })
  .meta({ id: 'AddAnnotationRecordsInput' })
export type AddAnnotationRecordsInput = z.infer<typeof AddAnnotationRecordsInput>

export const AddedAnnotationRecordsOutput = z
  .object({
    annotation_records: z.array(AnnotationRecord),
  })
  .meta({ id: 'AddedAnnotationRecordsOutput' })
export type AddedAnnotationRecordsOutput = z.infer<typeof AddedAnnotationRecordsOutput>

export const AnnotationRecordListOutput = z
  .object({
    annotation_records: z.array(AnnotationRecord),
  })
  .meta({ id: 'AnnotationRecordListOutput' })
export type AnnotationRecordListOutput = z.infer<typeof AnnotationRecordListOutput>

export const AnnotationRecordOutput = z
  .object({
    annotation_record: AnnotationRecord,
  })
  .meta({ id: 'AnnotationRecordOutput' })
export type AnnotationRecordOutput = z.infer<typeof AnnotationRecordOutput>

export const AnnotationRecordPageOutput = z
  .object({ items: z.array(AnnotationRecord), page: PageInfo })
  .meta({ id: 'AnnotationRecordPageOutput' })
export type AnnotationRecordPageOutput = z.infer<typeof AnnotationRecordPageOutput>

export const ListAnnotationRecordsForAssetInput = z
  .object({
    asset_id: z.string(),
  })
  .meta({ id: 'ListAnnotationRecordsForAssetInput' })
export type ListAnnotationRecordsForAssetInput = z.infer<typeof ListAnnotationRecordsForAssetInput>

export const ListAnnotationRecordsForAssetPageInput = PageRequest.extend({
  asset_id: z.string(),
}).meta({ id: 'ListAnnotationRecordsForAssetPageInput' })
export type ListAnnotationRecordsForAssetPageInput = z.infer<
  typeof ListAnnotationRecordsForAssetPageInput
>

export const UpdateAnnotationRecordInput = z
  .object({
    annotation_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateAnnotationRecordInput' })
export type UpdateAnnotationRecordInput = z.infer<typeof UpdateAnnotationRecordInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const annotationRecordsTasks = {
  'annotation_records.add': task({
    summary: 'Inserts annotation records, optionally into a set, in order.',
    input: AddAnnotationRecordsInput,
    output: AddedAnnotationRecordsOutput,
    statuses: [400, 404],
  }),
  'annotation_records.get': task({
    summary: 'Fetches one record.',
    input: GetByIdInput,
    output: AnnotationRecordOutput,
    reads: true,
    statuses: [404],
  }),
  'annotation_records.list': task({
    summary: 'Returns every record matching a raw filter.',
    input: ListInput,
    output: AnnotationRecordListOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_records.list_page': task({
    summary: 'One cursor page of records.',
    input: PageInput,
    output: AnnotationRecordPageOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_records.list_for_asset': task({
    summary: 'Returns every record whose subject is the given asset.',
    input: ListAnnotationRecordsForAssetInput,
    output: AnnotationRecordListOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_records.list_for_asset_page': task({
    summary: 'One cursor page of the records of an asset.',
    input: ListAnnotationRecordsForAssetPageInput,
    output: AnnotationRecordPageOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_records.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateAnnotationRecordInput,
    output: AnnotationRecordOutput,
    statuses: [400, 404],
  }),
  'annotation_records.delete': task({
    summary: 'Deletes a record and removes its id from every set that lists it.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404],
  }),
} as const
