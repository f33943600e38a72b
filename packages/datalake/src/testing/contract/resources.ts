import type { Lake, TaskName } from '@mindtrace/contract'
import { aCollection, aDatum, anAsset, aSchema, aSet, aVersion } from '../builders.ts'

/** A stored document as any of the nine listable resources has it. */
export type Row = Readonly<Record<string, unknown>>

/** One of the nine listable resources, as the tests that all of them share see it. */
export interface Resource {
  readonly family: string
  /** The field of its public id. */
  readonly key: string
  /** The field of an answer that holds one, and many. */
  readonly one: string
  readonly many: string
  readonly timeField: string
  /** Sort names with their keys in order; a leading `-` descends. */
  readonly sorts: Readonly<Record<string, readonly string[]>>
  /** Makes one; the index varies its sort keys. */
  readonly create: (lake: Lake, index: number) => Promise<Row>
  /** A change that fits, and a value that does not; absent where there is no `update` of this form. */
  readonly changes?: { readonly good: Row; readonly bad: Row }
  readonly deletes: boolean
  /** Whether `get` takes an id. */
  readonly getsById: boolean
}

const splits = [null, 'val', 'train', null, 'test'] as const

const created = (key: string) => ({
  created_desc: ['-created_at', `-${key}`],
  created_asc: ['created_at', key],
})

/** The nine resources. */
export const resources: readonly Resource[] = [
  {
    family: 'assets',
    key: 'asset_id',
    one: 'asset',
    many: 'assets',
    timeField: 'created_at',
    sorts: created('asset_id'),
    create: (lake) => anAsset(lake),
    deletes: true,
    getsById: true,
  },
  {
    family: 'collections',
    key: 'collection_id',
    one: 'collection',
    many: 'collections',
    timeField: 'created_at',
    sorts: { ...created('collection_id'), updated_desc: ['-updated_at', '-collection_id'] },
    create: (lake) => aCollection(lake),
    changes: { good: { status: 'archived' }, bad: { status: 'lost' } },
    deletes: true,
    getsById: true,
  },
  {
    family: 'collection_items',
    key: 'collection_item_id',
    one: 'collection_item',
    many: 'collection_items',
    timeField: 'added_at',
    sorts: {
      created_desc: ['-added_at', '-collection_item_id'],
      created_asc: ['added_at', 'collection_item_id'],
    },
    create: async (lake) => {
      const { collection_id } = await aCollection(lake)
      const { asset_id } = await anAsset(lake)
      return (await lake.collectionItems.create({ collection_id, asset_id })).collection_item
    },
    changes: { good: { split: 'val', status: 'hidden' }, bad: { split: 'holdout' } },
    deletes: true,
    getsById: true,
  },
  {
    family: 'asset_retentions',
    key: 'asset_retention_id',
    one: 'asset_retention',
    many: 'asset_retentions',
    timeField: 'created_at',
    sorts: created('asset_retention_id'),
    create: async (lake) => {
      const { asset_id } = await anAsset(lake)
      const owner = { owner_type: 'manual_pin', owner_id: 'someone' }
      return (await lake.assetRetentions.create({ asset_id, ...owner })).asset_retention
    },
    changes: { good: { owner_id: 'another' }, bad: { retention_policy: 'forget' } },
    deletes: true,
    getsById: true,
  },
  {
    family: 'annotation_schemas',
    key: 'annotation_schema_id',
    one: 'annotation_schema',
    many: 'annotation_schemas',
    timeField: 'created_at',
    sorts: created('annotation_schema_id'),
    create: (lake, index) => aSchema(lake, { version: String(index) }),
    changes: { good: { allow_scores: true }, bad: { task_type: 'guessing' } },
    deletes: true,
    getsById: true,
  },
  {
    family: 'annotation_sets',
    key: 'annotation_set_id',
    one: 'annotation_set',
    many: 'annotation_sets',
    timeField: 'created_at',
    sorts: created('annotation_set_id'),
    create: (lake) => aSet(lake),
    changes: { good: { status: 'archived' }, bad: { purpose: 'fun' } },
    deletes: false,
    getsById: true,
  },
  {
    family: 'annotation_records',
    key: 'annotation_id',
    one: 'annotation_record',
    many: 'annotation_records',
    timeField: 'created_at',
    sorts: {
      created_desc: ['-created_at', '-annotation_id'],
      subject_created_desc: ['subject.kind', 'subject.id', '-created_at', '-annotation_id'],
    },
    // Records outside a set need an asset; in a set they may be about annotations.
    create: async (lake, index) => {
      const kinds = ['asset', 'annotation'] as const
      const subject = { kind: kinds[index % 2], id: `subject_${index % 3}` }
      const { annotation_set_id } = await aSet(lake)
      const { annotation_records } = await lake.annotationRecords.add({
        annotation_set_id,
        annotations: [
          {
            kind: 'polygon',
            label: `label ${index}`,
            source: { type: 'machine', name: 'model' },
            subject,
          },
        ],
      })
      const [record] = annotation_records
      if (index % 4 !== 3) return record as Row
      const annotation_id = record?.annotation_id as string
      const changes = { subject: null }
      return (await lake.annotationRecords.update({ annotation_id, changes })).annotation_record
    },
    changes: { good: { label: 'dog' }, bad: { source: { type: 'rumour', name: 'x' } } },
    deletes: true,
    getsById: true,
  },
  {
    family: 'datums',
    key: 'datum_id',
    one: 'datum',
    many: 'datums',
    timeField: 'created_at',
    sorts: {
      created_desc: ['-created_at', '-datum_id'],
      split_created_desc: ['split', '-created_at', '-datum_id'],
    },
    create: (lake, index) =>
      aDatum(lake, { asset_refs: {}, split: splits[index % splits.length] ?? null }),
    changes: { good: { split: 'test' }, bad: { asset_refs: null } },
    deletes: false,
    getsById: true,
  },
  {
    family: 'dataset_versions',
    key: 'dataset_version_id',
    one: 'dataset_version',
    many: 'dataset_versions',
    timeField: 'created_at',
    sorts: {
      created_desc: ['-created_at', '-dataset_version_id'],
      dataset_version_desc: ['dataset_name', '-version', '-dataset_version_id'],
    },
    create: (lake, index) =>
      aVersion(lake, { dataset_name: `dataset ${index % 3}`, version: String(index) }),
    deletes: false,
    getsById: false,
  },
]

/** Calls a task whose name is put together. */
export async function callTask(lake: Lake, name: string, input: Row): Promise<Row> {
  return (await lake.call(name as TaskName, input as never)) as unknown as Row
}

/** A page as every `list_page` answers it. */
export interface AnyPage {
  readonly items: readonly Row[]
  readonly page: {
    readonly limit: number
    readonly next_cursor: string | null
    readonly has_more: boolean
    readonly total_count: number | null
  }
}

/** One page of a resource. */
export async function pageOf(lake: Lake, { family }: Resource, input: Row): Promise<AnyPage> {
  return (await callTask(lake, `${family}.list_page`, input)) as unknown as AnyPage
}

/** The ids of all pages, one after the other; `between` is called after each. */
export async function pagedIds(
  lake: Lake,
  resource: Resource,
  input: Row,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const { items, page }: AnyPage = await pageOf(lake, resource, { ...input, cursor })
    ids.push(...items.map((item) => item[resource.key] as string))
    cursor = page.next_cursor
    await between()
  } while (cursor !== null)
  return ids
}

/** Rows in the order of a sort, null first where it ascends. */
export function inOrder(rows: readonly Row[], sort: readonly string[]): Row[] {
  return rows.toSorted((a, b) => {
    for (const text of sort) {
      const path = text.replace(/^-/, '')
      const [left, right] = [valueAt(a, path), valueAt(b, path)]
      if (left === right) continue
      const rises = left === null || (right !== null && (left as string) < (right as string))
      return rises === !text.startsWith('-') ? -1 : 1
    }
    return 0
  })
}

function valueAt(row: Row, path: string): unknown {
  let value: unknown = row
  for (const step of path.split('.')) value = (value as Row | null)?.[step] ?? null
  return value
}
