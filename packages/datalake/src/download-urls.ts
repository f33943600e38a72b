import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { payloadRef } from './assets.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { versionOf } from './objects.ts'

const maxMinutes = 10_080
const maxAssets = 1000

/**
 * Signed download addresses. A mount that can't sign (memory, local disk) answers null, by which callers
 * know to read the bytes through the lake.
 */
export function downloadUrlHandlers({ records, store }: LakeParts) {
  return {
    'assets.download_url': async ({ asset_id, expires_in_minutes }, options: CallOptions) => {
      checkExpiry(expires_in_minutes)
      const asset = await records.assets.get(asset_id, options)
      const unreadable = (reason: string, cause?: unknown) => {
        const message = `the payload of asset '${asset_id}' can't be read: ${reason}`
        return new MindtraceError('PAYLOAD_UNAVAILABLE', message, {
          cause,
          details: { detail: { code: 'ASSET_PAYLOAD_NOT_READABLE', message, asset_id } },
        })
      }
      if (asset.payload_status !== 'present') throw unreadable(`it is '${asset.payload_status}'`)
      const { mount, name, version } = payloadRef(asset)
      const registry = store.registry(mount)
      try {
        await registry.info(name, { ...options, ...versionOf(version) })
      } catch (error) {
        if (isMindtraceError(error, 'NOT_FOUND')) throw unreadable(error.message, error)
        throw error
      }
      return { asset_id, url: null, expires_at: null }
    },
    'assets.download_urls': async ({ asset_ids, expires_in_minutes }) => {
      checkExpiry(expires_in_minutes)
      if (asset_ids.length > maxAssets) {
        throw new MindtraceError(
          'INVALID_INPUT',
          `asset_ids names ${asset_ids.length} assets: at most ${maxAssets}`,
        )
      }
      return { urls: {}, expires_at: null }
    },
  } satisfies Handlers
}

function checkExpiry(minutes: number): void {
  if (minutes >= 1 && minutes <= maxMinutes) return
  throw new MindtraceError(
    'VALIDATION_FAILED',
    `expires_in_minutes is ${minutes}: use 1 to ${maxMinutes}`,
    {
      details: {
        issues: [
          {
            code: minutes < 1 ? 'too_small' : 'too_big',
            origin: 'int',
            path: ['expires_in_minutes'],
            inclusive: true,
            ...(minutes < 1 ? { minimum: 1 } : { maximum: maxMinutes }),
            input: minutes,
            message: `use 1 to ${maxMinutes}`,
          },
        ],
      },
    },
  )
}
