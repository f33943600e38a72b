import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { PartsUpload, Registry, StagedTarget } from '@mindtrace/registry'
import type { UploadState } from './upload-rows.ts'

/** The store's upload in parts, if one was begun. */
export function partsOf({ parts_upload_id, parts_key }: UploadState): PartsUpload | undefined {
  if (parts_upload_id === null || parts_key === null) return undefined
  return { uploadId: parts_upload_id, key: parts_key }
}

/** Removes what has arrived, and the folder that was made for it. */
export async function discardStaged(
  registry: Registry,
  target: StagedTarget,
  signal?: AbortSignal,
): Promise<void> {
  await registry.uploads.discard(target, { signal })
  // Checked by now to be a folder of uploads. Without it a program that comes late can't write.
  if (target.kind === 'local_file') await rmdir(dirname(target.path)).catch(() => {})
}
