import { z } from 'zod'
import { AssetRetention } from '../model/assets.ts'
import { PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const AssetRetentionListOutput = z
  .object({
    asset_retentions: z.array(AssetRetention),
  })
  .meta({ id: 'AssetRetentionListOutput' })
export type AssetRetentionListOutput = z.infer<typeof AssetRetentionListOutput>

export const AssetRetentionOutput = z
  .object({
    asset_retention: AssetRetention,
  })
  .meta({ id: 'AssetRetentionOutput' })
export type AssetRetentionOutput = z.infer<typeof AssetRetentionOutput>

export const AssetRetentionPageOutput = z
  .object({ items: z.array(AssetRetention), page: PageInfo })
  .meta({ id: 'AssetRetentionPageOutput' })
export type AssetRetentionPageOutput = z.infer<typeof AssetRetentionPageOutput>

export const CreateAssetRetentionInput = z
  .object({
    asset_id: z.string(),
    owner_type: z.string(),
    owner_id: z.string(),
    retention_policy: z.string().default('retain'),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateAssetRetentionInput' })
export type CreateAssetRetentionInput = z.infer<typeof CreateAssetRetentionInput>

export const UpdateAssetRetentionInput = z
  .object({
    asset_retention_id: z.string(),
    changes: jsonObject().default({}),
  })
  .meta({ id: 'UpdateAssetRetentionInput' })
export type UpdateAssetRetentionInput = z.infer<typeof UpdateAssetRetentionInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const assetRetentionsTasks = {
  'asset_retentions.create': task({
    summary: 'Records why an asset must be kept.',
    input: CreateAssetRetentionInput,
    output: AssetRetentionOutput,
    statuses: [404],
  }),
  'asset_retentions.get': task({
    summary: 'Fetches one retention.',
    input: GetByIdInput,
    output: AssetRetentionOutput,
    reads: true,
    statuses: [404],
  }),
  'asset_retentions.list': task({
    summary: 'Returns every retention matching a raw filter.',
    input: ListInput,
    output: AssetRetentionListOutput,
    reads: true,
    statuses: [400],
  }),
  'asset_retentions.list_page': task({
    summary: 'One cursor page of retentions.',
    input: PageInput,
    output: AssetRetentionPageOutput,
    reads: true,
    statuses: [400],
  }),
  'asset_retentions.update': task({
    summary: 'Overwrites the given fields.',
    input: UpdateAssetRetentionInput,
    output: AssetRetentionOutput,
    statuses: [400, 404],
  }),
  'asset_retentions.delete': task({
    summary: 'Deletes one retention.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404],
  }),
} as const
