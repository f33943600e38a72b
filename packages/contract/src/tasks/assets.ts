import { z } from 'zod'
import { Asset, AssetAlias } from '../model/assets.ts'
import { PageInfo } from '../model/pages.ts'
import { instant, jsonObject, nullable } from '../model/primitives.ts'
import { StorageRef, SubjectRef } from '../model/storage.ts'
import { DeleteByIdInput, GetByIdInput, ListInput, PageInput } from './requests.ts'
import { task } from './task.ts'

export const AddAliasInput = z
  .object({
    asset_id: z.string(),
    alias: z.string(),
  })
  .meta({ id: 'AddAliasInput' })
export type AddAliasInput = z.infer<typeof AddAliasInput>

export const AssetAliasOutput = z
  .object({
    asset_alias: AssetAlias,
  })
  .meta({ id: 'AssetAliasOutput' })
export type AssetAliasOutput = z.infer<typeof AssetAliasOutput>

export const AssetDownloadUrlOutput = z
  .object({
    asset_id: z.string(),
    url: nullable(z.string()),
    expires_at: nullable(instant()),
  })
  .meta({ id: 'AssetDownloadUrlOutput' })
export type AssetDownloadUrlOutput = z.infer<typeof AssetDownloadUrlOutput>

export const AssetListOutput = z
  .object({
    assets: z.array(Asset),
  })
  .meta({ id: 'AssetListOutput' })
export type AssetListOutput = z.infer<typeof AssetListOutput>

export const AssetOutput = z
  .object({
    asset: Asset,
  })
  .meta({ id: 'AssetOutput' })
export type AssetOutput = z.infer<typeof AssetOutput>

export const AssetPageOutput = z
  .object({ items: z.array(Asset), page: PageInfo })
  .meta({ id: 'AssetPageOutput' })
export type AssetPageOutput = z.infer<typeof AssetPageOutput>

export const AssetsDownloadUrlsOutput = z
  .object({
    urls: z.record(z.string(), z.string()).default({}),
    expires_at: nullable(instant()),
  })
  .meta({ id: 'AssetsDownloadUrlsOutput' })
export type AssetsDownloadUrlsOutput = z.infer<typeof AssetsDownloadUrlsOutput>

export const CreateAssetFromObjectInput = z
  .object({
    name: z.string(),
    data_base64: z.string(),
    kind: z.string(),
    media_type: z.string(),
    mount: nullable(z.string()),
    version: nullable(z.string()),
    object_metadata: nullable(jsonObject()),
    asset_metadata: nullable(jsonObject()),
    checksum: nullable(z.string()),
    size_bytes: nullable(z.int()),
    subject: nullable(SubjectRef),
    created_by: nullable(z.string()),
    on_conflict: nullable(z.string()),
  })
  .meta({ id: 'CreateAssetFromObjectInput' })
export type CreateAssetFromObjectInput = z.infer<typeof CreateAssetFromObjectInput>

export const CreateAssetInput = z
  .object({
    kind: z.string(),
    media_type: z.string(),
    storage_ref: StorageRef,
    checksum: nullable(z.string()),
    size_bytes: nullable(z.int()),
    subject: nullable(SubjectRef),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateAssetInput' })
export type CreateAssetInput = z.infer<typeof CreateAssetInput>

export const CreateAssetFromUploadedObjectInput = CreateAssetInput.meta({
  id: 'CreateAssetFromUploadedObjectInput',
})
export type CreateAssetFromUploadedObjectInput = z.infer<typeof CreateAssetFromUploadedObjectInput>

export const GetAssetByAliasInput = z
  .object({
    alias: z.string(),
  })
  .meta({ id: 'GetAssetByAliasInput' })
export type GetAssetByAliasInput = z.infer<typeof GetAssetByAliasInput>

export const GetAssetDownloadUrlInput = z
  .object({
    asset_id: z.string(),
    expires_in_minutes: z.int().default(15),
    response_content_type: nullable(z.string()),
    response_content_disposition: nullable(z.string()),
  })
  .meta({ id: 'GetAssetDownloadUrlInput' })
export type GetAssetDownloadUrlInput = z.infer<typeof GetAssetDownloadUrlInput>

export const GetAssetsDownloadUrlsInput = z
  .object({
    asset_ids: z.array(z.string()),
    expires_in_minutes: z.int().default(15),
  })
  .meta({ id: 'GetAssetsDownloadUrlsInput' })
export type GetAssetsDownloadUrlsInput = z.infer<typeof GetAssetsDownloadUrlsInput>

export const UpdateAssetMetadataInput = z
  .object({
    asset_id: z.string(),
    metadata: jsonObject(),
  })
  .meta({ id: 'UpdateAssetMetadataInput' })
export type UpdateAssetMetadataInput = z.infer<typeof UpdateAssetMetadataInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const assetsTasks = {
  'assets.create': task({
    summary: 'Registers metadata for an object that is already stored.',
    input: CreateAssetInput,
    output: AssetOutput,
  }),
  'assets.get': task({
    summary: 'Fetches one asset by asset_id.',
    input: GetByIdInput,
    output: AssetOutput,
    mcp: true,
    statuses: [404],
  }),
  'assets.get_by_alias': task({
    summary: 'Resolves an alias and fetches its asset.',
    input: GetAssetByAliasInput,
    output: AssetOutput,
    mcp: true,
    statuses: [404],
  }),
  'assets.download_url': task({
    summary:
      "Signs a GET URL for one asset's payload, so that its bytes travel straight from the object store.",
    input: GetAssetDownloadUrlInput,
    output: AssetDownloadUrlOutput,
    reads: true,
    statuses: [400, 404, 409],
  }),
  'assets.download_urls': task({
    summary: 'Signs GET URLs for many assets in one call; what cannot be signed is left out.',
    input: GetAssetsDownloadUrlsInput,
    output: AssetsDownloadUrlsOutput,
    reads: true,
    statuses: [400],
  }),
  'assets.list': task({
    summary: 'Returns every asset matching a raw filter.',
    input: ListInput,
    output: AssetListOutput,
    reads: true,
    statuses: [400],
  }),
  'assets.list_page': task({
    summary: 'One cursor page of assets.',
    input: PageInput,
    output: AssetPageOutput,
    reads: true,
    statuses: [400],
  }),
  'assets.update_metadata': task({
    summary: "Replaces the asset's metadata map.",
    input: UpdateAssetMetadataInput,
    output: AssetOutput,
    statuses: [404],
  }),
  'assets.delete': task({
    summary: 'Deletes the asset row and all its aliases.',
    input: DeleteByIdInput,
    output: null,
    statuses: [404, 409],
  }),
  'aliases.add': task({
    summary: 'Adds another alias for an asset.',
    input: AddAliasInput,
    output: AssetAliasOutput,
    statuses: [404, 409],
  }),
  'assets.create_from_object': task({
    summary: 'Stores bytes and registers an asset for them in one call.',
    input: CreateAssetFromObjectInput,
    output: AssetOutput,
    statuses: [400, 404, 409],
  }),
  'assets.create_from_uploaded_object': task({
    summary: 'Registers an asset for a completed direct upload.',
    input: CreateAssetFromUploadedObjectInput,
    output: AssetOutput,
  }),
} as const
