import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import { task } from '../tasks/task.ts'

export const DatasetSummary = z
  .object({
    dataset_name: z.string(),
    /** The version made last. */
    latest_version: z.string(),
    versions: z.int(),
    /** Datums of the latest version. */
    datums: z.int(),
    created_at: instant(),
    updated_at: instant(),
  })
  .meta({ id: 'DatasetSummary' })
export type DatasetSummary = z.infer<typeof DatasetSummary>

export const DatasetsListInput = z
  .object({
    limit: z.int().min(1).max(500).default(100),
    /** The name after which to go on: `next` of the page before. */
    after: nullable(z.string()),
  })
  .meta({ id: 'DatasetsListInput' })

export const DatasetsListOutput = z
  .object({ datasets: z.array(DatasetSummary), next: nullable(z.string()) })
  .meta({ id: 'DatasetsListOutput' })

export const DatasetStatsInput = z
  .object({ dataset_name: z.string(), version: z.string() })
  .meta({ id: 'DatasetStatsInput' })

const Counts = z.record(z.string(), z.int())

export const DatasetStats = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    datums: z.int(),
    assets: z.int(),
    payload_bytes: z.int(),
    annotation_sets: z.int(),
    annotation_records: z.int(),
    /** Datums by split; those without one stand under `none`. */
    splits: Counts,
    /** Annotation records by label. */
    labels: Counts,
    /** Annotation records by kind. */
    kinds: Counts,
  })
  .meta({ id: 'DatasetStats' })
export type DatasetStats = z.infer<typeof DatasetStats>

/** What the service adds about datasets as wholes. */
export const datasetTasks = {
  'datasets.list': task({
    summary: 'Lists the datasets by name, each with its latest version and counts.',
    input: DatasetsListInput,
    output: DatasetsListOutput,
    mcp: true,
  }),
  'datasets.stats': task({
    summary: 'Counts the datums, assets, splits and labels of one dataset version.',
    input: DatasetStatsInput,
    output: DatasetStats,
    mcp: true,
    statuses: [404],
  }),
} as const
