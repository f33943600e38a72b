import { z } from 'zod'
import { AnnotationSet } from '../model/annotations.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const AnnotationSetListOutput = z
  .object({
    annotation_sets: z.array(AnnotationSet),
  })
  .meta({ id: 'AnnotationSetListOutput' })
export type AnnotationSetListOutput = z.infer<typeof AnnotationSetListOutput>

export const AnnotationSetOutput = z
  .object({
    annotation_set: AnnotationSet,
  })
  .meta({ id: 'AnnotationSetOutput' })
export type AnnotationSetOutput = z.infer<typeof AnnotationSetOutput>

export const AnnotationSetPageOutput = z
  .object({ items: z.array(AnnotationSet), page: PageInfo })
  .meta({ id: 'AnnotationSetPageOutput' })
export type AnnotationSetPageOutput = z.infer<typeof AnnotationSetPageOutput>

export const CreateAnnotationSetInput = z
  .object({
    name: z.string(),
    purpose: z.string(),
    source_type: z.string(),
    status: z.string().default('draft'),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
    datum_id: nullable(z.string()),
    annotation_schema_id: nullable(z.string()),
  })
  .meta({ id: 'CreateAnnotationSetInput' })
export type CreateAnnotationSetInput = z.infer<typeof CreateAnnotationSetInput>

export const UpdateAnnotationSetInput = z
  .object({
    annotation_set_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateAnnotationSetInput' })
export type UpdateAnnotationSetInput = z.infer<typeof UpdateAnnotationSetInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const annotationSetsTasks = {
  'annotation_sets.create': task({
    summary: 'Creates an empty annotation set, optionally linked to a datum and a schema.',
    input: CreateAnnotationSetInput,
    output: AnnotationSetOutput,
    statuses: [404],
  }),
  'annotation_sets.get': task({
    summary: 'Fetches one set.',
    input: GetByIdInput,
    output: AnnotationSetOutput,
    reads: true,
    statuses: [404],
  }),
  'annotation_sets.list': task({
    summary: 'Returns every set matching a raw filter.',
    input: ListInput,
    output: AnnotationSetListOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_sets.list_page': task({
    summary: 'One cursor page of sets.',
    input: PageInput,
    output: AnnotationSetPageOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_sets.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateAnnotationSetInput,
    output: AnnotationSetOutput,
    statuses: [400, 404],
  }),
} as const
