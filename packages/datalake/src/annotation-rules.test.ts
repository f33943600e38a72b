import type { AnnotationSchema } from '@mindtrace/contract'
import { AnnotationKind, AnnotationTaskType } from '@mindtrace/contract'
import { isMindtraceError } from '@mindtrace/core'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { checkRecords, type RuledRecord, schemaRules } from './annotation-rules.ts'

const kinds = AnnotationKind.options
const taskTypes = AnnotationTaskType.options

function aRuledSchema(fields: Partial<AnnotationSchema> = {}): AnnotationSchema {
  return {
    _id: null,
    annotation_schema_id: 'annotation_schema_1',
    name: 'pets',
    version: '1',
    task_type: 'other',
    allowed_annotation_kinds: [...kinds],
    labels: [label('cat', 1), label('dog', null)],
    allow_scores: false,
    required_attributes: [],
    optional_attributes: [],
    allow_additional_attributes: false,
    metadata: {},
    created_at: '2026-01-01T00:00:00.000Z',
    created_by: null,
    updated_at: '2026-01-01T00:00:00.000Z',
    ...fields,
  }
}

function label(name: string, id: number | null): AnnotationSchema['labels'][number] {
  return { name, id, display_name: null, color: null, metadata: {} }
}

function aRuledRecord(fields: Partial<RuledRecord> = {}): RuledRecord {
  return {
    kind: 'bbox',
    label: 'cat',
    label_id: null,
    score: null,
    geometry: {},
    attributes: {},
    ...fields,
  }
}

const fits = (schema: Partial<AnnotationSchema>, record: Partial<RuledRecord>): boolean =>
  schemaRules(aRuledSchema(schema)).violation(aRuledRecord(record)) === undefined

const box = { x: 1, y: 2, width: 3, height: 4 }

describe('geometry by task type', () => {
  const geometries = {
    empty: {},
    box,
    'box of nulls': { x: null, y: null, width: null, height: null },
    'half a box': { x: 1, y: 2 },
    polygon: { vertices: [[0, 0]] },
    'mask of an asset': { mask_asset_id: 'asset_1' },
    'mask in storage': { storage_ref: {} },
    'encoded mask': { encoding: null },
    'inherited names': { toString: 1 },
  } as const satisfies Record<string, Record<string, unknown>>
  const allowed: Record<AnnotationTaskType, readonly (keyof typeof geometries)[]> = {
    classification: ['empty'],
    detection: ['box', 'box of nulls'],
    segmentation: ['mask of an asset', 'mask in storage', 'encoded mask'],
    keypoint: Object.keys(geometries) as (keyof typeof geometries)[],
    other: Object.keys(geometries) as (keyof typeof geometries)[],
  }
  // The task type decides, whatever the kind is, as in the reference.
  const table = taskTypes.flatMap((task_type) =>
    kinds.flatMap((kind) =>
      Object.entries(geometries).map(([name, geometry]) => ({ task_type, kind, name, geometry })),
    ),
  )

  test.each(taskTypes)('of %s', (taskType) => {
    for (const { task_type, kind, name, geometry } of table) {
      if (task_type !== taskType) continue
      const wanted = allowed[task_type].includes(name as keyof typeof geometries)
      expect(fits({ task_type }, { kind, geometry }), `${kind}, ${name}`).toBe(wanted)
    }
  })
})

describe('kinds', () => {
  it.each(kinds)('of %s fit where they are allowed, and nowhere else', (kind) => {
    for (const other of kinds) {
      expect(fits({ allowed_annotation_kinds: [other] }, { kind })).toBe(kind === other)
    }
    expect(fits({ allowed_annotation_kinds: [] }, { kind })).toBe(false)
  })
})

describe('labels', () => {
  it.each([
    ['cat', null, true],
    ['cat', 1, true],
    ['cat', 2, false],
    ['dog', 99, true],
    ['Cat', null, false],
    ['cat ', null, false],
    ['', null, false],
    ['constructor', null, false],
  ] as const)('%j with id %s: %s', (name, label_id, wanted) => {
    expect(fits({}, { label: name, label_id })).toBe(wanted)
  })

  it('are none where the schema has none', () => {
    expect(fits({ labels: [] }, {})).toBe(false)
  })

  it('are those of the last definition where a name stands twice', () => {
    const labels = [label('cat', 1), label('cat', 2)]
    expect(fits({ labels }, { label_id: 2 })).toBe(true)
    expect(fits({ labels }, { label_id: 1 })).toBe(false)
  })
})

describe('scores', () => {
  it.each([
    [false, null, true],
    [false, 0, false],
    [false, 0.5, false],
    [true, null, true],
    [true, 0.5, true],
  ] as const)('allowed: %s, given: %s, fit: %s', (allow_scores, score, wanted) => {
    expect(fits({ allow_scores }, { score })).toBe(wanted)
  })
})

describe('attributes', () => {
  const names = ['a', 'b', 'c', 'd'] as const
  const some = fc.subarray([...names])

  it('fit when all required are there and, unless more are allowed, no other than the optional', () => {
    fc.assert(
      fc.property(some, some, some, fc.boolean(), (required, optional, given, more) => {
        const schema = {
          required_attributes: required,
          optional_attributes: optional,
          allow_additional_attributes: more,
        }
        const wanted =
          required.every((name) => given.includes(name)) &&
          (more || given.every((name) => required.includes(name) || optional.includes(name)))
        const attributes = Object.fromEntries(given.map((name) => [name, null]))
        return fits(schema, { attributes }) === wanted
      }),
    )
  })

  it('are not those that every object has', () => {
    expect(fits({ required_attributes: ['constructor'] }, {})).toBe(false)
  })
})

test('the first rule that is broken is the one that is told', () => {
  const schema = aRuledSchema({
    task_type: 'detection',
    allowed_annotation_kinds: ['bbox'],
    required_attributes: ['pose'],
  })
  const broken: Partial<RuledRecord>[] = [
    { kind: 'polygon' },
    { label: 'bird' },
    { label_id: 5 },
    { geometry: {} },
    { attributes: {} },
    { attributes: { pose: 1, b: 1, a: 1 } },
    { score: 1 },
  ]
  const right = { geometry: box, attributes: { pose: 'left' } }
  const messages = broken.map((fields, index) => {
    const rest = Object.assign({}, ...broken.slice(index + 1).toReversed())
    return schemaRules(schema).violation(aRuledRecord({ ...right, ...rest, ...fields }))
  })
  expect(messages).toMatchInlineSnapshot(`
    [
      "kind 'polygon' is not allowed by schema 'pets@1', which allows 'bbox'",
      "label 'bird' is not one of schema 'pets@1'",
      "label_id 5 of label 'cat' is 1 in schema 'pets@1'",
      "geometry lacks 'x', 'y', 'width', 'height' (task type 'detection' of schema 'pets@1')",
      "attributes 'pose' are required by schema 'pets@1'",
      "attributes 'a', 'b' are not allowed by schema 'pets@1'",
      "a score is not allowed by schema 'pets@1'",
    ]
  `)
})

test('a batch is refused with the place of each record that breaks a rule', () => {
  const records = [aRuledRecord(), aRuledRecord({ label: 'bird' }), aRuledRecord({ score: 1 })]
  const thrown = (() => {
    try {
      return checkRecords(aRuledSchema(), records)
    } catch (error) {
      return error
    }
  })()
  expect(isMindtraceError(thrown, 'INVALID_INPUT') && thrown.details).toMatchObject({
    violations: [{ index: 1 }, { index: 2 }],
  })
  expect(checkRecords(aRuledSchema(), [aRuledRecord()])).toBeUndefined()
})
