import { type DownloadResolveOutput, parse, type StorageRef } from '@mindtrace/contract'
import { type CallOptions, MindtraceError, toInstant } from '@mindtrace/core'
import { z } from 'zod'
import { signedByStore, wantedHeaders } from './download-urls.ts'
import type { Handlers, LakeParts } from './lake-parts.ts'
import { readablePayload } from './readable-payload.ts'
import { SigningKeys } from './signing-keys.ts'

/** What a token says, in few letters: it stands in an address. */
const Claims = z.object({
  m: z.string(),
  n: z.string(),
  v: z.string(),
  /** Media type. */
  t: z.string(),
  /** Content-Disposition that was asked for. */
  d: z.string().optional(),
  /** Seconds since 1970 at which it is over. */
  e: z.int(),
})

/** What is signed begins with this, so that no signature of another purpose fits. */
const purpose = 'mindtrace download 1\n'

/**
 * Addresses by which anyone may read one payload until they expire: `v1/downloads/<claims>.<key>.<signature>`
 * of the service, for mounts that can't sign. They name the stored version, so they outlive the asset.
 */
export function signedDownloadHandlers(parts: LakeParts) {
  const { clock } = parts
  const keys = new SigningKeys(parts)
  return {
    'downloads.sign': async (input, options) => {
      const { asset, registry, object } = await readablePayload(parts, input.asset_id, options)
      const { asset_id } = asset
      const wanted = wantedHeaders(input, asset.media_type)
      const expiresInMs = input.expires_in_minutes * 60_000
      const expires_at = toInstant(new Date(Date.parse(clock.now()) + expiresInMs))
      const url = await signedByStore(registry, object, { ...options, ...wanted, expiresInMs })
      if (url !== undefined) return { asset_id, url, expires_at }
      const claims: z.input<typeof Claims> = {
        m: object.mount,
        n: object.name,
        v: object.version,
        t: wanted.contentType,
        ...(wanted.contentDisposition === undefined ? {} : { d: wanted.contentDisposition }),
        e: Math.ceil(Date.parse(expires_at) / 1000),
      }
      const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
      const signature = await keys.sign(purpose + body, options)
      return { asset_id, url: `v1/downloads/${body}.${signature}`, expires_at }
    },
    'downloads.resolve': async ({ token }, options): Promise<DownloadResolveOutput> => {
      const claims = await checkedClaims(keys, token, options)
      if (claims.e * 1000 <= Date.parse(clock.now())) throw refused('has expired')
      const { m: mount, n: name, v: version } = claims
      const storage_ref: StorageRef = {
        mount,
        name,
        version,
        qualified_key: `${mount}/${name}@${version}`,
      }
      return {
        storage_ref,
        media_type: claims.t,
        content_disposition: claims.d ?? null,
        expires_at: toInstant(new Date(claims.e * 1000)),
      }
    },
  } satisfies Handlers
}

async function checkedClaims(keys: SigningKeys, token: string, options: CallOptions) {
  const dot = token.indexOf('.')
  const body = token.slice(0, Math.max(dot, 0))
  if (dot < 0 || !(await keys.verify(purpose + body, token.slice(dot + 1), options))) {
    throw refused('is none of ours, or was changed')
  }
  return parse(Claims, JSON.parse(Buffer.from(body, 'base64url').toString()), 'a signed address')
}

function refused(why: string): MindtraceError {
  return new MindtraceError('FORBIDDEN', `this address ${why}; ask for a new one`)
}
