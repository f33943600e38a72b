import type { IngestSchema } from '@mindtrace/contract'
import { vocClasses } from './voc-classes.ts'

/** Names of the schemas, and of the annotation sets made by them. */
export interface VocSchemas {
  readonly names: Readonly<Record<'classification' | 'detection' | 'segmentation', string>>
  readonly version: string
  /** Whether all classes are VOC's own 20, so that labels carry VOC's ids. */
  readonly hasVocIds: boolean
}

/**
 * VOC's 20 classes share one group of schemas between datasets; other classes get schemas of their
 * dataset's own, so that the labels of two datasets do not mix.
 */
export function vocSchemas(name: string, hasVocIds: boolean): VocSchemas {
  const prefix = hasVocIds ? 'pascal-voc' : name
  return {
    names: {
      classification: `${prefix}-classification`,
      detection: `${prefix}-detection`,
      segmentation: `${prefix}-segmentation`,
    },
    // The Python importer's 2012.1.0 allows no further attributes, so ours must not be that version.
    version: hasVocIds ? '2012.3.0' : '1.0.0',
    hasVocIds,
  }
}

/** The schemas to make before the first sample; records bring labels that are not VOC's. */
export function ingestSchemas(
  schemas: VocSchemas,
  uses: { readonly classification: boolean; readonly segmentation: boolean },
): IngestSchema[] {
  const labels = schemas.hasVocIds ? vocClasses.map((name, index) => label(name, index + 1)) : []
  const all: (IngestSchema & { isUsed: boolean })[] = [
    {
      ...base(schemas, 'classification'),
      labels,
      task_type: 'classification',
      allowed_annotation_kinds: ['classification'],
      optional_attributes: ['layer'],
      isUsed: uses.classification,
    },
    {
      ...base(schemas, 'detection'),
      labels,
      task_type: 'detection',
      allowed_annotation_kinds: ['bbox'],
      optional_attributes: ['difficult', 'truncated', 'pose', 'occluded', 'parts'],
      allow_additional_attributes: true,
      isUsed: true,
    },
    {
      ...base(schemas, 'segmentation'),
      labels: [label('semantic_mask', null), label('instance_mask', null)],
      task_type: 'segmentation',
      allowed_annotation_kinds: ['mask'],
      optional_attributes: ['layer', 'source_mask', 'encoding', 'ignore_index', 'background_id'],
      isUsed: uses.segmentation,
    },
  ]
  return all.filter(({ isUsed }) => isUsed).map(({ isUsed: _isUsed, ...schema }) => schema)
}

function base(schemas: VocSchemas, task: keyof VocSchemas['names']) {
  return {
    name: schemas.names[task],
    version: schemas.version,
    allow_scores: false,
    required_attributes: [],
    allow_additional_attributes: false,
    metadata: { source_dataset: 'pascal_voc' },
  }
}

function label(name: string, id: number | null): IngestSchema['labels'][number] {
  return { name, id, display_name: null, color: null, metadata: {} }
}
