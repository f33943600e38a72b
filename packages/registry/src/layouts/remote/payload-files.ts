import type { CallOptions } from '@mindtrace/core'
import type { ObjectMount } from '../../mount.ts'
import type { ObjectId, PayloadFile } from '../layout.ts'
import { payloadFolder } from './payload-keys.ts'

/** The files of one write of an object. */
export async function payloadFiles(
  mount: ObjectMount,
  id: ObjectId,
  uuid: string,
  options: CallOptions,
): Promise<PayloadFile[]> {
  const folder = payloadFolder(id, uuid)
  const files: PayloadFile[] = []
  for await (const { key, sizeBytes } of mount.list(folder, options)) {
    files.push({ path: key.slice(folder.length), sizeBytes })
  }
  return files
}

/** Removes the files of one write. False when something may be left. */
export async function removePayload(
  mount: ObjectMount,
  id: ObjectId,
  uuid: string,
): Promise<boolean> {
  try {
    const files = await payloadFiles(mount, id, uuid, {})
    return await removeKeys(
      mount,
      files.map(({ path }) => payloadFolder(id, uuid) + path),
    )
  } catch {
    return false
  }
}

/** Removes keys. False when something may be left. */
export async function removeKeys(mount: ObjectMount, keys: readonly string[]): Promise<boolean> {
  if (keys.length === 0) return true
  return await mount.deleteMany(keys).then(
    () => true,
    () => false,
  )
}
