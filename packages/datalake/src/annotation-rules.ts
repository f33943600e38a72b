import type { AnnotationRecord, AnnotationSchema } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'

/** What the rules look at. */
export type RuledRecord = Pick<
  AnnotationRecord,
  'kind' | 'label' | 'label_id' | 'score' | 'geometry' | 'attributes'
>

const boxKeys = ['x', 'y', 'width', 'height'] as const
const maskKeys = ['storage_ref', 'mask_asset_id', 'encoding'] as const

/** A schema made ready for many records. */
export interface SchemaRules {
  /** The first rule that a record breaks, in words, or undefined. */
  violation(record: RuledRecord): string | undefined
}

/** The rules of a schema, in the order of `datalake-model.md` 7.3: the first violation counts. */
export function schemaRules(schema: AnnotationSchema): SchemaRules {
  const who = `schema '${schema.name}@${schema.version}'`
  const labels = new Map(schema.labels.map((label) => [label.name, label]))
  const kinds = new Set<string>(schema.allowed_annotation_kinds)
  const required = schema.required_attributes
  const known = new Set([...required, ...schema.optional_attributes])
  return {
    violation({ kind, label, label_id, score, geometry, attributes }) {
      if (!kinds.has(kind)) {
        return `kind '${kind}' is not allowed by ${who}, which allows ${list(kinds)}`
      }
      const definition = labels.get(label)
      if (definition === undefined) return `label '${label}' is not one of ${who}`
      if (label_id !== null && definition.id !== null && label_id !== definition.id) {
        return `label_id ${label_id} of label '${label}' is ${definition.id} in ${who}`
      }
      const shape = geometryViolation(schema.task_type, geometry)
      if (shape !== undefined) return `${shape} (task type '${schema.task_type}' of ${who})`
      const missing = required.filter((name) => !Object.hasOwn(attributes, name))
      if (missing.length > 0) return `attributes ${list(missing)} are required by ${who}`
      if (!schema.allow_additional_attributes) {
        const unknown = Object.keys(attributes)
          .filter((name) => !known.has(name))
          .sort()
        if (unknown.length > 0) return `attributes ${list(unknown)} are not allowed by ${who}`
      }
      if (score !== null && !schema.allow_scores) return `a score is not allowed by ${who}`
      return undefined
    },
  }
}

/**
 * Applies a schema to a batch before anything is written.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for the first record that breaks a rule; `details`
 * list up to 100 with their places.
 */
export function checkRecords(schema: AnnotationSchema, records: readonly RuledRecord[]): void {
  const rules = schemaRules(schema)
  const violations: { readonly index: number; readonly message: string }[] = []
  for (const [index, record] of records.entries()) {
    const message = rules.violation(record)
    if (message !== undefined) violations.push({ index, message })
    if (violations.length === 100) break
  }
  const [first] = violations
  if (first === undefined) return
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  throw new MindtraceError('INVALID_INPUT', `annotation ${first.index}: ${first.message}${more}`, {
    details: { violations },
  })
}

function geometryViolation(
  taskType: AnnotationSchema['task_type'],
  geometry: Readonly<Record<string, unknown>>,
): string | undefined {
  switch (taskType) {
    case 'classification':
      return Object.keys(geometry).length > 0 ? 'geometry must be empty' : undefined
    case 'detection': {
      const missing = boxKeys.filter((key) => !Object.hasOwn(geometry, key))
      return missing.length > 0 ? `geometry lacks ${list(missing)}` : undefined
    }
    case 'segmentation':
      return maskKeys.some((key) => Object.hasOwn(geometry, key))
        ? undefined
        : `geometry needs one of ${list(maskKeys)}`
    default:
      return undefined
  }
}

function list(names: Iterable<string>): string {
  const quoted = [...names].map((name) => `'${name}'`)
  return quoted.length === 0 ? 'none' : quoted.join(', ')
}
