import { z } from 'zod'
import { AnnotationSchema } from '../model/annotations.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const AnnotationSchemaListOutput = z
  .object({
    annotation_schemas: z.array(AnnotationSchema),
  })
  .meta({ id: 'AnnotationSchemaListOutput' })
export type AnnotationSchemaListOutput = z.infer<typeof AnnotationSchemaListOutput>

export const AnnotationSchemaOutput = z
  .object({
    annotation_schema: AnnotationSchema,
  })
  .meta({ id: 'AnnotationSchemaOutput' })
export type AnnotationSchemaOutput = z.infer<typeof AnnotationSchemaOutput>

export const AnnotationSchemaPageOutput = z
  .object({ items: z.array(AnnotationSchema), page: PageInfo })
  .meta({ id: 'AnnotationSchemaPageOutput' })
export type AnnotationSchemaPageOutput = z.infer<typeof AnnotationSchemaPageOutput>

export const CreateAnnotationSchemaInput = z
  .object({
    name: z.string(),
    version: z.string(),
    task_type: z.string(),
    allowed_annotation_kinds: z.array(z.string()),
    labels: nullable(z.array(jsonObject())),
    allow_scores: z.boolean().default(false),
    required_attributes: nullable(z.array(z.string())),
    optional_attributes: nullable(z.array(z.string())),
    allow_additional_attributes: z.boolean().default(false),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateAnnotationSchemaInput' })
export type CreateAnnotationSchemaInput = z.infer<typeof CreateAnnotationSchemaInput>

export const GetAnnotationSchemaByNameVersionInput = z
  .object({
    name: z.string(),
    version: z.string(),
  })
  .meta({ id: 'GetAnnotationSchemaByNameVersionInput' })
export type GetAnnotationSchemaByNameVersionInput = z.infer<
  typeof GetAnnotationSchemaByNameVersionInput
>

export const UpdateAnnotationSchemaInput = z
  .object({
    annotation_schema_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateAnnotationSchemaInput' })
export type UpdateAnnotationSchemaInput = z.infer<typeof UpdateAnnotationSchemaInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const annotationSchemasTasks = {
  'annotation_schemas.create': task({
    summary: 'Creates a named, versioned annotation contract.',
    input: CreateAnnotationSchemaInput,
    output: AnnotationSchemaOutput,
    statuses: [409],
  }),
  'annotation_schemas.get': task({
    summary: 'Fetches one schema by id.',
    input: GetByIdInput,
    output: AnnotationSchemaOutput,
    reads: true,
    statuses: [404],
  }),
  'annotation_schemas.get_by_name_version': task({
    summary: 'Fetches one schema by name and version.',
    input: GetAnnotationSchemaByNameVersionInput,
    output: AnnotationSchemaOutput,
    mcp: true,
    statuses: [404],
  }),
  'annotation_schemas.list': task({
    summary: 'Returns every schema matching a raw filter.',
    input: ListInput,
    output: AnnotationSchemaListOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_schemas.list_page': task({
    summary: 'One cursor page of schemas.',
    input: PageInput,
    output: AnnotationSchemaPageOutput,
    reads: true,
    statuses: [400],
  }),
  'annotation_schemas.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateAnnotationSchemaInput,
    output: AnnotationSchemaOutput,
    statuses: [400, 404, 409],
  }),
  'annotation_schemas.delete': task({
    summary: 'Deletes a schema that no annotation set uses.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404, 409],
  }),
} as const
