import { z } from 'zod'
import { instant, jsonObject, nullable, objectIdHex } from './primitives.ts'
import { SubjectRef } from './storage.ts'

export const AnnotationKind = z
  .enum([
    'classification',
    'regression',
    'bbox',
    'rotated_bbox',
    'polygon',
    'polyline',
    'ellipse',
    'keypoint',
    'mask',
    'instance_mask',
    'pointcloud_segmentation',
  ])
  .meta({ id: 'AnnotationKind' })
export type AnnotationKind = z.infer<typeof AnnotationKind>

export const AnnotationLabelDefinition = z
  .object({
    name: z.string(),
    id: nullable(z.int()),
    display_name: nullable(z.string()),
    color: nullable(z.string()),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'AnnotationLabelDefinition' })
export type AnnotationLabelDefinition = z.infer<typeof AnnotationLabelDefinition>

export const AnnotationSource = z
  .object({
    type: z.enum(['human', 'machine', 'derived']),
    name: z.string(),
    version: nullable(z.string()),
    metadata: jsonObject().default({}),
  })
  .meta({ id: 'AnnotationSource' })
export type AnnotationSource = z.infer<typeof AnnotationSource>

export const AnnotationRecord = z
  .object({
    _id: objectIdHex(),
    annotation_id: z.string(),
    subject: nullable(SubjectRef),
    kind: AnnotationKind,
    label: z.string(),
    label_id: nullable(z.int()),
    score: nullable(z.number()),
    source: AnnotationSource,
    geometry: jsonObject().default({}),
    attributes: jsonObject().default({}),
    metadata: jsonObject().default({}),
    created_at: instant(),
    updated_at: instant(),
  })
  .meta({ id: 'AnnotationRecord' })
export type AnnotationRecord = z.infer<typeof AnnotationRecord>

export const AnnotationTaskType = z
  .enum(['classification', 'detection', 'segmentation', 'keypoint', 'other'])
  .meta({ id: 'AnnotationTaskType' })
export type AnnotationTaskType = z.infer<typeof AnnotationTaskType>

export const AnnotationSchema = z
  .object({
    _id: objectIdHex(),
    annotation_schema_id: z.string(),
    name: z.string(),
    version: z.string(),
    task_type: AnnotationTaskType,
    allowed_annotation_kinds: z.array(AnnotationKind).default([]),
    labels: z.array(AnnotationLabelDefinition).default([]),
    allow_scores: z.boolean().default(false),
    required_attributes: z.array(z.string()).default([]),
    optional_attributes: z.array(z.string()).default([]),
    allow_additional_attributes: z.boolean().default(false),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'AnnotationSchema' })
export type AnnotationSchema = z.infer<typeof AnnotationSchema>

export const AnnotationSet = z
  .object({
    _id: objectIdHex(),
    annotation_set_id: z.string(),
    name: z.string(),
    purpose: z.enum(['ground_truth', 'prediction', 'review', 'snapshot', 'other']),
    source_type: z.enum(['human', 'machine', 'mixed']),
    status: z.enum(['draft', 'active', 'archived']).default('draft'),
    annotation_schema_id: nullable(z.string()),
    annotation_record_ids: z.array(z.string()).default([]),
    metadata: jsonObject().default({}),
    created_at: instant(),
    created_by: nullable(z.string()),
    updated_at: instant(),
  })
  .meta({ id: 'AnnotationSet' })
export type AnnotationSet = z.infer<typeof AnnotationSet>
