import { z } from 'zod'
import { DatasetVersion, ResolvedDatasetVersion } from '../model/datasets.ts'
import { DatasetViewPage, DatasetViewRequest, PageInfo } from '../model/pages.ts'
import { jsonObject, nullable } from '../model/primitives.ts'
import { ObjectPayloadDescriptor } from '../model/storage.ts'
import { DatasetSyncBundle } from '../model/sync.ts'
import { PageInput } from './requests.ts'
import { task } from './task.ts'

export const CreateDatasetVersionInput = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
    manifest: z.array(z.string()),
    description: nullable(z.string()),
    source_dataset_version_id: nullable(z.string()),
    metadata: nullable(jsonObject()),
    created_by: nullable(z.string()),
  })
  .meta({ id: 'CreateDatasetVersionInput' })
export type CreateDatasetVersionInput = z.infer<typeof CreateDatasetVersionInput>

export const DatasetSyncBundleOutput = z
  .object({
    bundle: DatasetSyncBundle,
  })
  .meta({ id: 'DatasetSyncBundleOutput' })
export type DatasetSyncBundleOutput = z.infer<typeof DatasetSyncBundleOutput>

export const DatasetSyncGraphExportOutput = z
  .object({
    bundle: DatasetSyncBundle,
  })
  .meta({ id: 'DatasetSyncGraphExportOutput' })
export type DatasetSyncGraphExportOutput = z.infer<typeof DatasetSyncGraphExportOutput>

export const DatasetSyncPayloadManifestOutput = z
  .object({
    payloads: z.array(ObjectPayloadDescriptor).default([]),
  })
  .meta({ id: 'DatasetSyncPayloadManifestOutput' })
export type DatasetSyncPayloadManifestOutput = z.infer<typeof DatasetSyncPayloadManifestOutput>

export const DatasetVersionListOutput = z
  .object({
    dataset_versions: z.array(DatasetVersion),
  })
  .meta({ id: 'DatasetVersionListOutput' })
export type DatasetVersionListOutput = z.infer<typeof DatasetVersionListOutput>

export const DatasetVersionOutput = z
  .object({
    dataset_version: DatasetVersion,
  })
  .meta({ id: 'DatasetVersionOutput' })
export type DatasetVersionOutput = z.infer<typeof DatasetVersionOutput>

export const DatasetVersionPageOutput = z
  .object({ items: z.array(DatasetVersion), page: PageInfo })
  .meta({ id: 'DatasetVersionPageOutput' })
export type DatasetVersionPageOutput = z.infer<typeof DatasetVersionPageOutput>

export const DatasetViewPageOutput = DatasetViewPage.meta({ id: 'DatasetViewPageOutput' })
export type DatasetViewPageOutput = z.infer<typeof DatasetViewPageOutput>

export const ExportDatasetVersionInput = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
  })
  .meta({ id: 'ExportDatasetVersionInput' })
export type ExportDatasetVersionInput = z.infer<typeof ExportDatasetVersionInput>

export const GetDatasetVersionInput = z
  .object({
    dataset_name: z.string(),
    version: z.string(),
  })
  .meta({ id: 'GetDatasetVersionInput' })
export type GetDatasetVersionInput = z.infer<typeof GetDatasetVersionInput>

export const ListDatasetVersionsInput = z
  .object({
    dataset_name: nullable(z.string()),
    filters: nullable(jsonObject()),
  })
  .meta({ id: 'ListDatasetVersionsInput' })
export type ListDatasetVersionsInput = z.infer<typeof ListDatasetVersionsInput>

export const ListDatasetVersionsPageInput = PageInput.extend({
  dataset_name: nullable(z.string()),
}).meta({ id: 'ListDatasetVersionsPageInput' })
export type ListDatasetVersionsPageInput = z.infer<typeof ListDatasetVersionsPageInput>

export const ResolvedDatasetVersionOutput = z
  .object({
    resolved_dataset_version: ResolvedDatasetVersion,
  })
  .meta({ id: 'ResolvedDatasetVersionOutput' })
export type ResolvedDatasetVersionOutput = z.infer<typeof ResolvedDatasetVersionOutput>

export const ViewDatasetVersionPageInput = DatasetViewRequest.extend({
  dataset_name: z.string(),
  version: z.string(),
}).meta({ id: 'ViewDatasetVersionPageInput' })
export type ViewDatasetVersionPageInput = z.infer<typeof ViewDatasetVersionPageInput>

/** Tasks of this family, in the order in which `endpoints` lists them. */
export const datasetVersionsTasks = {
  'dataset_versions.create': task({
    summary: 'Creates an immutable dataset version from an ordered list of datum ids.',
    input: CreateDatasetVersionInput,
    output: DatasetVersionOutput,
    statuses: [400, 404, 409],
  }),
  'dataset_versions.get': task({
    summary: 'Fetches one dataset version by name and version.',
    input: GetDatasetVersionInput,
    output: DatasetVersionOutput,
    mcp: true,
    statuses: [404],
  }),
  'dataset_versions.list': task({
    summary: 'Returns every dataset version, optionally of one dataset.',
    input: ListDatasetVersionsInput,
    output: DatasetVersionListOutput,
    mcp: true,
    statuses: [400],
  }),
  'dataset_versions.list_page': task({
    summary: 'One cursor page of dataset versions.',
    input: ListDatasetVersionsPageInput,
    output: DatasetVersionPageOutput,
    mcp: true,
    statuses: [400],
  }),
  'dataset_versions.resolve': task({
    summary: 'Returns the version with every datum fully resolved.',
    input: GetDatasetVersionInput,
    output: ResolvedDatasetVersionOutput,
    mcp: true,
    statuses: [404],
  }),
  'dataset_versions.view_page': task({
    summary: 'One page of rows over the manifest, with optional expansion and structured filters.',
    input: ViewDatasetVersionPageInput,
    output: DatasetViewPageOutput,
    mcp: true,
    statuses: [400, 404],
  }),
  'dataset_versions.export': task({
    summary: 'Returns the whole graph of a version as a sync bundle (no payload bytes).',
    input: ExportDatasetVersionInput,
    output: DatasetSyncBundleOutput,
    reads: true,
    statuses: [404],
  }),
  'dataset_versions.export_sync_graph': task({
    summary: 'Same answer as export.',
    input: ExportDatasetVersionInput,
    output: DatasetSyncGraphExportOutput,
    reads: true,
    statuses: [404],
  }),
  'dataset_versions.export_sync_payload_manifest': task({
    summary: 'Only the payload descriptors of a version.',
    input: ExportDatasetVersionInput,
    output: DatasetSyncPayloadManifestOutput,
    reads: true,
    statuses: [404],
  }),
} as const
