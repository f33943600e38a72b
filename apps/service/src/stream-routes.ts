import { decodeHeader, defaultMountSegment, wireHeaders } from '@mindtrace/client'
import { decodeIngestFrames, type WriteObject } from '@mindtrace/contract'
import { type Logger, MindtraceError } from '@mindtrace/core'
import type { Context, Hono } from 'hono'
import type { CallerOf } from './access/admission.ts'
import { answer } from './answer.ts'
import { addArchiveRoutes } from './archive-routes.ts'
import { bytesIn } from './incoming-bytes.ts'
import { jsonResponse } from './json-response.ts'
import { payloadResponse } from './payload-response.ts'
import { pathSegments } from './request-path.ts'
import { addRowRoutes } from './row-routes.ts'
import { addTusRoutes } from './tus/tus-routes.ts'

/** What the routes of the streams need. */
export interface StreamRoutesOptions {
  readonly callerOf: CallerOf
  readonly log: Logger
  /** The largest body that is JSON; default 64 MiB. */
  readonly jsonBytes?: number | undefined
}

/** The routes of `streamRoutes`: bytes in and out of the lake, never whole in memory. */
export function addStreamRoutes(app: Hono, options: StreamRoutesOptions): void {
  const { callerOf, log } = options
  app.get('/v1/assets/:asset_id/payload', (context) =>
    answer(context, log, () => {
      const [, , assetId = ''] = pathSegments(context.req.url)
      const { signal } = context.req.raw
      const { streams } = callerOf(context.req.raw)
      return payloadResponse(context, log, (range) => streams.readAsset(assetId, { range, signal }))
    }),
  )

  app.get('/v1/objects/:mount/:name{.+}', (context) =>
    answer(context, log, () => {
      const { mount, name } = objectIn(context)
      const { signal } = context.req.raw
      const { streams } = callerOf(context.req.raw)
      const version = context.req.query('version') ?? null
      if (mount === null) {
        throw new MindtraceError('INVALID_INPUT', 'name the mount of an object that is to be read')
      }
      return payloadResponse(context, log, (range) =>
        streams.readObject({ mount, name, version }, { range, signal }),
      )
    }),
  )

  app.put('/v1/objects/:mount/:name{.+}', (context) =>
    answer(context, log, async () => {
      const request = context.req.raw
      const { streams } = callerOf(request)
      const written = await streams.writeObject(writeRequest(context), bytesIn(context), {
        signal: request.signal,
      })
      return jsonResponse(written)
    }),
  )

  app.post('/v1/ingest/:session_id/groups', (context) =>
    answer(context, log, async () => {
      const request = context.req.raw
      const [, , sessionId = ''] = pathSegments(request.url)
      const items = decodeIngestFrames(bytesIn(context))
      const { streams } = callerOf(request)
      return jsonResponse(await streams.ingestGroup(sessionId, items, { signal: request.signal }))
    }),
  )

  addRowRoutes(app, options)
  addArchiveRoutes(app, options)
  addTusRoutes(app, options)

  const notAllowed = (allow: string) => () =>
    jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow })
  app.all('/v1/assets/:asset_id/payload', notAllowed('GET, HEAD'))
  app.all('/v1/objects/:mount/:name{.+}', notAllowed('GET, HEAD, PUT'))
  app.all('/v1/ingest/:session_id/groups', notAllowed('POST'))
}

function objectIn(context: Context): { readonly mount: string | null; readonly name: string } {
  const [, , mount = '', ...name] = pathSegments(context.req.url)
  return { mount: mount === defaultMountSegment ? null : mount, name: name.join('/') }
}

/** Conditions and parts that a PUT can't keep: to store in spite of them would be worse than to refuse. */
const notForWrites = ['if-match', 'if-none-match', 'if-unmodified-since', 'content-range'] as const

function writeRequest(context: Context): WriteObject {
  for (const name of notForWrites) {
    if (context.req.header(name) === undefined) continue
    throw new MindtraceError(
      'INVALID_INPUT',
      `${name} is not for writing objects; ?version= with ?on_conflict=skip writes only what is new`,
    )
  }
  const onConflict = context.req.query('on_conflict') ?? null
  if (onConflict !== null && onConflict !== 'skip' && onConflict !== 'overwrite') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `on_conflict is skip or overwrite, not ${JSON.stringify(onConflict)}`,
    )
  }
  const mediaType = context.req.header('content-type')
  const metadata = context.req.header(wireHeaders.objectMetadata)
  return {
    ...objectIn(context),
    version: context.req.query('version') ?? null,
    onConflict,
    ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata) }),
    ...(mediaType === undefined ? {} : { mediaType }),
  }
}

function parseMetadata(header: string): Record<string, unknown> {
  const value = decodeHeader(header)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw new MindtraceError(
    'INVALID_INPUT',
    `the header ${wireHeaders.objectMetadata} holds no percent-encoded JSON object`,
  )
}
