import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { payloadRef } from './assets.ts'
import type { LakeParts } from './lake-parts.ts'
import { versionOf } from './objects.ts'

/**
 * An asset whose payload can be read here, with the stored version that its reference comes to.
 *
 * @throws `NOT_FOUND` for the asset and for a mount that is not configured; `PAYLOAD_UNAVAILABLE`.
 */
export async function readablePayload(
  { records, store }: Pick<LakeParts, 'records' | 'store'>,
  assetId: string,
  options: CallOptions,
) {
  const asset = await records.assets.get(assetId, options)
  if (asset.payload_status !== 'present') {
    throw unreadable(assetId, `it is '${asset.payload_status}'`)
  }
  const { mount, name, version } = payloadRef(asset)
  const registry = store.registry(mount)
  try {
    const stored = await registry.info(name, { ...options, ...versionOf(version) })
    return { asset, registry, object: { mount, name, version: stored.version } }
  } catch (error) {
    // `INVALID_INPUT`: the asset names what no object can be called.
    if (isMindtraceError(error, 'NOT_FOUND') || isMindtraceError(error, 'INVALID_INPUT')) {
      throw unreadable(assetId, error.message, error)
    }
    throw error
  }
}

/** The reference's answer for an asset whose payload can't be read. */
export function unreadable(assetId: string, reason: string, cause?: unknown): MindtraceError {
  const message = `the payload of asset '${assetId}' can't be read: ${reason}`
  return new MindtraceError('PAYLOAD_UNAVAILABLE', message, {
    cause,
    details: { detail: { code: 'ASSET_PAYLOAD_NOT_READABLE', message, asset_id: assetId } },
  })
}
