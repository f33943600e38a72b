import { z } from 'zod'
import { jsonObject, nullable } from '../model/primitives.ts'

/** Whether the bytes come along, or the records alone. */
const payloads = z.boolean().default(true)

/** What {@link LakeStreams.archiveDataset} takes. */
export const DatasetArchiveInput = z
  .object({ dataset_name: z.string(), version: z.string(), payloads })
  .meta({ id: 'DatasetArchiveInput' })
export type DatasetArchiveInput = z.input<typeof DatasetArchiveInput>

/** What {@link LakeStreams.archiveAssets} takes: the filters and sorts of `assets.list_page`. */
export const AssetArchiveInput = z
  .object({
    filters: nullable(jsonObject()),
    sort: z.string().default('created_asc'),
    payloads,
  })
  .meta({ id: 'AssetArchiveInput' })
export type AssetArchiveInput = z.input<typeof AssetArchiveInput>

/** What {@link LakeStreams.archiveObjects} takes. A null version is the latest. */
export const ObjectArchiveInput = z
  .object({
    objects: z
      .array(z.object({ mount: z.string(), name: z.string(), version: nullable(z.string()) }))
      .min(1)
      .max(10_000),
  })
  .meta({ id: 'ObjectArchiveInput' })
export type ObjectArchiveInput = z.input<typeof ObjectArchiveInput>
