import type { IngestAnnotationSet, IngestRecord } from '@mindtrace/contract'
import { vocClassId } from './voc-classes.ts'
import type { VocSchemas } from './voc-schemas.ts'

export function setOf(
  schemas: VocSchemas,
  task: keyof VocSchemas['names'],
  records: IngestRecord[],
): IngestAnnotationSet {
  return {
    name: schemas.names[task],
    purpose: 'ground_truth',
    source_type: 'human',
    status: 'active',
    schema: { name: schemas.names[task], version: schemas.version },
    metadata: { source_dataset: 'pascal_voc' },
    records,
  }
}

export function recordOf(
  schemas: VocSchemas,
  parts: {
    readonly kind: IngestRecord['kind']
    readonly label: string
    readonly geometry?: Record<string, unknown>
    readonly attributes: Record<string, unknown>
    readonly maskRole?: string
  },
): IngestRecord {
  return {
    kind: parts.kind,
    label: parts.label,
    label_id: schemas.hasVocIds ? vocClassId(parts.label) : null,
    score: null,
    source: { type: 'human', name: 'pascal-voc', version: null, metadata: {} },
    geometry: parts.geometry ?? {},
    attributes: parts.attributes,
    metadata: {},
    subject_role: 'image',
    mask_role: parts.maskRole ?? null,
  }
}
