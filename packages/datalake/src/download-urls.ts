import { isMindtraceError, MindtraceError, mapBounded, toInstant } from '@mindtrace/core'
import { isObjectMount, type Registry, type SignOptions } from '@mindtrace/registry'
import { payloadRef } from './assets.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { versionOf } from './objects.ts'
import { readablePayload, unreadable } from './readable-payload.ts'

const maxMinutes = 10_080
const maxAssets = 1000
const parallel = 16

/**
 * Signed download addresses. A mount that can't sign (memory, local disk) answers null, by which callers
 * know to read the bytes through the lake.
 */
export function downloadUrlHandlers(parts: LakeParts) {
  const { records, store, clock } = parts
  const expiry = (minutes: number) => ({
    expiresInMs: minutes * 60_000,
    expires_at: toInstant(new Date(Date.parse(clock.now()) + minutes * 60_000)),
  })
  return {
    'assets.download_url': async (input, options) => {
      const { asset_id } = input
      checkExpiry(input.expires_in_minutes)
      const { asset, registry, object } = await readablePayload(parts, asset_id, options)
      const { expiresInMs, expires_at } = expiry(input.expires_in_minutes)
      const wanted = wantedHeaders(input, asset.media_type)
      try {
        const url = await signedByStore(registry, object, { ...options, ...wanted, expiresInMs })
        return url === undefined
          ? { asset_id, url: null, expires_at: null }
          : { asset_id, url, expires_at }
      } catch (error) {
        const isUnreadable =
          isMindtraceError(error, 'NOT_FOUND') || isMindtraceError(error, 'INVALID_INPUT')
        throw isUnreadable ? unreadable(asset_id, error.message, error) : error
      }
    },
    'assets.download_urls': async ({ asset_ids, expires_in_minutes }, options) => {
      checkExpiry(expires_in_minutes)
      if (asset_ids.length > maxAssets) {
        throw new MindtraceError(
          'INVALID_INPUT',
          `asset_ids names ${asset_ids.length} assets: at most ${maxAssets}`,
        )
      }
      const { expiresInMs, expires_at } = expiry(expires_in_minutes)
      const signing = new Set(
        store
          .mounts()
          .map(({ name }) => name)
          .filter((name) => isObjectMount(store.registry(name).mount)),
      )
      const found =
        signing.size === 0
          ? []
          : [...(await records.assets.getMany([...new Set(asset_ids)], options)).values()]
      const signable = found.filter(
        (asset) => asset.payload_status === 'present' && signing.has(payloadRef(asset).mount),
      )
      const signed = await mapBounded(
        signable,
        parallel,
        async (asset) => {
          const ref = payloadRef(asset)
          const wanted = { ...options, expiresInMs, contentType: asset.media_type }
          try {
            const url = await signedByStore(store.registry(ref.mount), ref, wanted)
            return url === undefined ? [] : [[asset.asset_id, url] as const]
          } catch (error) {
            options.signal?.throwIfAborted()
            // What can't be signed is left out without a word.
            if (isMindtraceError(error)) return []
            throw error
          }
        },
        options,
      )
      const urls = Object.fromEntries(signed.flat())
      return { urls, expires_at: Object.keys(urls).length === 0 ? null : expires_at }
    },
  } satisfies Handlers
}

/** A GET of the object, by the store it lies in; undefined where that can't sign. */
export async function signedByStore(
  registry: Registry,
  { name, version }: { readonly name: string; readonly version?: string | null },
  options: SignOptions & {
    readonly contentType: string
    readonly contentDisposition?: string | undefined
  },
): Promise<string | undefined> {
  if (!isObjectMount(registry.mount)) return undefined
  try {
    const request = await registry.signRead(name, { ...options, ...versionOf(version) })
    return request?.url
  } catch (error) {
    if (isMindtraceError(error, 'NOT_IMPLEMENTED')) return undefined
    throw error
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f]/
const maxHeader = 1024

/** What the answer's headers are to be. @throws `INVALID_INPUT` for what no header can hold. */
export function wantedHeaders(
  input: {
    readonly response_content_type: string | null
    readonly response_content_disposition: string | null
  },
  mediaType: string,
): { readonly contentType: string; readonly contentDisposition?: string } {
  for (const field of ['response_content_type', 'response_content_disposition'] as const) {
    const value = input[field] ?? ''
    if (value.length <= maxHeader && !control.test(value)) continue
    throw new MindtraceError(
      'INVALID_INPUT',
      `${field} is longer than ${maxHeader} characters or holds a control character`,
      { details: { field } },
    )
  }
  const { response_content_type: contentType, response_content_disposition: contentDisposition } =
    input
  return {
    contentType: contentType ?? mediaType,
    ...(contentDisposition === null ? {} : { contentDisposition }),
  }
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
