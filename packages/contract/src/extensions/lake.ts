import { z } from 'zod'
import { jsonObject, nullable } from '../model/primitives.ts'
import { task } from '../tasks/task.ts'

export const LakeStats = z
  .object({
    database: z.string(),
    default_mount: z.string(),
    /** Documents by collection, without the `datalake_` of its name. */
    counts: z.record(z.string(), z.int()),
    payload_bytes: z.int(),
    /** Assets by kind. */
    asset_kinds: z.record(z.string(), z.int()),
    /** Assets by payload status. */
    payload_statuses: z.record(z.string(), z.int()),
  })
  .meta({ id: 'LakeStats' })
export type LakeStats = z.infer<typeof LakeStats>

/** What each resource can be counted by: fields of few values. An embedded lake keeps these counts. */
export const facets = {
  assets: ['kind', 'media_type', 'payload_status', 'storage_ref.mount'],
  collections: ['status'],
  collection_items: ['split', 'status'],
  asset_retentions: ['owner_type', 'retention_policy'],
  annotation_schemas: ['task_type'],
  annotation_sets: ['purpose', 'source_type', 'status'],
  annotation_records: ['kind', 'label', 'source.type', 'source.name'],
  datums: ['split'],
  dataset_versions: ['dataset_name'],
} as const satisfies Record<string, readonly string[]>

export const LakeFacetsInput = z
  .object({
    resource: z.enum(Object.keys(facets) as (keyof typeof facets)[]),
    /** A field of {@link facets}. */
    by: z.string(),
    /** As in the resource's `list_page`: only these are counted. */
    filters: nullable(jsonObject()),
    /** At most this many values, the most frequent ones. */
    limit: z.int().min(1).max(1000).default(100),
  })
  .meta({ id: 'LakeFacetsInput' })

export const LakeFacetsOutput = z
  .object({
    /** The most frequent first; null stands for those that have none. */
    values: z.array(z.object({ value: z.string().nullable(), count: z.int() })),
    /** How many values there are in all. */
    distinct: z.int(),
    /** How many documents were counted. */
    total: z.int(),
  })
  .meta({ id: 'LakeFacetsOutput' })

export const LakeVerifyInput = z
  .object({
    /** Also reads every payload and compares its hash. */
    read_data: z.boolean().default(false),
    /** At most this many issues are listed; all are counted. */
    sample_limit: z.int().min(1).max(1000).default(100),
  })
  .meta({ id: 'LakeVerifyInput' })

export const LakeIssue = z
  .object({
    kind: z.enum([
      'payload_missing',
      'payload_size',
      'payload_corrupt',
      /** Bytes in place are no longer those that were taken. */
      'payload_changed',
      /** The mount that holds the bytes is none of this lake's. */
      'mount_missing',
      'dangling_alias',
      'dangling_datum_asset',
      'dangling_datum_set',
      'dangling_set_record',
      'dangling_manifest_datum',
      'wrong_total',
    ]),
    id: z.string(),
    message: z.string(),
  })
  .meta({ id: 'LakeIssue' })
export type LakeIssue = z.infer<typeof LakeIssue>

export const LakeVerifyOutput = z
  .object({
    ok: z.boolean(),
    assets_checked: z.int(),
    payload_bytes_read: z.int(),
    issue_count: z.int(),
    issues: z.array(LakeIssue),
  })
  .meta({ id: 'LakeVerifyOutput' })

export const LakeCheckOutput = z
  .object({
    ok: z.boolean(),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })),
  })
  .meta({ id: 'LakeCheckOutput' })

/** What the service adds about the lake as a whole. */
export const lakeTasks = {
  'lake.stats': task({
    summary:
      'Counts the documents of each collection, the payload bytes and the assets by kind and status.',
    input: null,
    output: LakeStats,
    mcp: true,
  }),
  'lake.facets': task({
    summary:
      'Counts the documents of a resource by the values of one field, such as annotation_records by label.',
    input: LakeFacetsInput,
    output: LakeFacetsOutput,
    mcp: true,
    statuses: [400],
  }),
  'lake.check': task({
    summary:
      'Checks that the database answers and is whole, and that each mount can be written and read.',
    input: null,
    output: LakeCheckOutput,
  }),
  'lake.verify': task({
    summary:
      'Looks for records without bytes, for references that lead nowhere and for totals that are not those of the records.',
    input: LakeVerifyInput,
    output: LakeVerifyOutput,
    reads: true,
  }),
} as const
