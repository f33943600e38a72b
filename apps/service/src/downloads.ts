import type { Lake } from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import { answer } from './answer.ts'
import { jsonResponse } from './json-response.ts'
import { payloadResponse } from './payload-response.ts'
import { pathSegments } from './request-path.ts'

/**
 * `GET /v1/downloads/{token}`: the payload that `downloads.sign` gave an address of. Nobody is asked for a
 * key: the address is one, for one payload and until it expires.
 */
export function addDownloads(
  app: Hono,
  { lake, log }: { readonly lake: Pick<Lake, 'call' | 'streams'>; readonly log: Logger },
): void {
  app.get('/v1/downloads/:token', (context) =>
    answer(context, log, async () => {
      const [, , token = ''] = pathSegments(context.req.url)
      const { signal } = context.req.raw
      const signed = await lake.call('downloads.resolve', { token }, { signal })
      return payloadResponse(
        context,
        log,
        (range) => lake.streams.readObject(signed.storage_ref, { range, signal }),
        { mediaType: signed.media_type, disposition: signed.content_disposition },
      )
    }),
  )
  app.all('/v1/downloads/:token', () =>
    jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow: 'GET, HEAD' }),
  )
}
