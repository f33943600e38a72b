import { z } from 'zod'
import { AnnotationRecord, AnnotationSet } from './annotations.ts'
import { Asset } from './assets.ts'
import { jsonObject, nullable } from './primitives.ts'

export const DatasetViewExpand = z
  .object({
    assets: z.boolean().default(true),
    annotation_sets: z.boolean().default(false),
    annotation_records: z.boolean().default(false),
  })
  .meta({ id: 'DatasetViewExpand' })
export type DatasetViewExpand = z.infer<typeof DatasetViewExpand>

export const DatasetViewInfo = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    sort: z.string().default('manifest_order'),
  })
  .meta({ id: 'DatasetViewInfo' })
export type DatasetViewInfo = z.infer<typeof DatasetViewInfo>

export const DatasetViewRow = z
  .object({
    datum_id: z.string(),
    split: nullable(z.string()),
    metadata: jsonObject().default({}),
    assets: nullable(z.record(z.string(), Asset)),
    annotation_sets: nullable(z.array(AnnotationSet)),
    annotation_records: nullable(z.record(z.string(), z.array(AnnotationRecord))),
  })
  .meta({ id: 'DatasetViewRow' })
export type DatasetViewRow = z.infer<typeof DatasetViewRow>

export const PageInfo = z
  .object({
    limit: z.int().min(1),
    next_cursor: nullable(z.string()),
    has_more: z.boolean(),
    total_count: nullable(z.int()),
  })
  .meta({ id: 'PageInfo' })
export type PageInfo = z.infer<typeof PageInfo>

export const DatasetViewPage = z
  .object({
    items: z.array(DatasetViewRow).default([]),
    page: PageInfo,
    view: DatasetViewInfo,
  })
  .meta({ id: 'DatasetViewPage' })
export type DatasetViewPage = z.infer<typeof DatasetViewPage>

export const StructuredFilter = z
  .object({
    field: z.string(),
    op: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'contains', 'exists']),
    value: z.unknown().default(null),
  })
  .meta({ id: 'StructuredFilter' })
export type StructuredFilter = z.infer<typeof StructuredFilter>

export const PageRequest = z
  .object({
    limit: nullable(z.int().min(1)),
    cursor: nullable(z.string()),
    sort: z.string().default('created_desc'),
    include_total: z.boolean().default(false),
  })
  .meta({ id: 'PageRequest' })
export type PageRequest = z.infer<typeof PageRequest>

export const DatasetViewRequest = PageRequest.extend({
  sort: z.string().default('manifest_order'),
  filters: z.array(StructuredFilter).default([]),
  expand: DatasetViewExpand.prefault({}),
}).meta({ id: 'DatasetViewRequest' })
export type DatasetViewRequest = z.infer<typeof DatasetViewRequest>
