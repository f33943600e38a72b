import { z } from 'zod'
import { instant, nullable } from '../model/primitives.ts'
import { StorageRef } from '../model/storage.ts'
import { GetAssetDownloadUrlInput } from '../tasks/assets.ts'
import { task } from '../tasks/task.ts'

export const DownloadSignInput = GetAssetDownloadUrlInput.extend({
  expires_in_minutes: z.int().min(1).max(10_080).default(15),
}).meta({ id: 'DownloadSignInput' })

export const DownloadSignOutput = z
  .object({
    asset_id: z.string(),
    /** Of the store, or relative to the address of the service: `v1/downloads/…`. */
    url: z.string(),
    expires_at: instant(),
  })
  .meta({ id: 'DownloadSignOutput' })

export const DownloadResolveInput = z
  .object({ token: z.string().max(8192) })
  .meta({ id: 'DownloadResolveInput' })

export const DownloadResolveOutput = z
  .object({
    storage_ref: StorageRef,
    media_type: z.string(),
    content_disposition: nullable(z.string()),
    expires_at: instant(),
  })
  .meta({ id: 'DownloadResolveOutput' })
export type DownloadResolveOutput = z.infer<typeof DownloadResolveOutput>

/** What the service adds to `assets.download_url`: addresses for mounts that have none of their own. */
export const downloadTasks = {
  'downloads.sign': task({
    summary:
      "Signs an address for an asset's payload that anyone may read until it expires: the store's own, or one of this service.",
    input: DownloadSignInput,
    output: DownloadSignOutput,
    statuses: [400, 404, 409],
  }),
  'downloads.resolve': task({
    summary: 'Says what a signed address of this service stands for.',
    input: DownloadResolveInput,
    output: DownloadResolveOutput,
    reads: true,
    statuses: [403],
  }),
} as const
