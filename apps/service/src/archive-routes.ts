import type { ArchiveRead, AssetArchiveInput, ObjectArchiveInput } from '@mindtrace/contract'
import { type Logger, MindtraceError } from '@mindtrace/core'
import type { Context, Hono } from 'hono'
import { answer } from './answer.ts'
import { jsonResponse } from './json-response.ts'
import { readJsonBody } from './request-body.ts'
import { sentResponse } from './send-payload.ts'
import type { StreamRoutesOptions } from './stream-routes.ts'

/** `/v1/archives/…`: a dataset version, assets or objects as tar. */
export function addArchiveRoutes(
  app: Hono,
  { callerOf, log, jsonBytes = 64 * 1024 * 1024 }: StreamRoutesOptions,
): void {
  app.get('/v1/archives/dataset', (context) =>
    answer(context, log, async () => {
      const request = context.req.raw
      const { streams } = callerOf(request)
      const [dataset_name, version] = [needed(context, 'dataset_name'), needed(context, 'version')]
      const input = { dataset_name, version, payloads: flag(context, 'payloads') }
      const read = await streams.archiveDataset(input, { signal: request.signal })
      return archiveResponse(read, context, log)
    }),
  )
  for (const [kind, name] of [
    ['assets', 'archiveAssets'],
    ['objects', 'archiveObjects'],
  ] as const) {
    app.post(`/v1/archives/${kind}`, (context) =>
      answer(context, log, async (about) => {
        const request = context.req.raw
        const caller = callerOf(request)
        caller.ensure(name)
        const body = await readJsonBody(request, jsonBytes, { default: {} })
        about.body = body
        const input = body as AssetArchiveInput & ObjectArchiveInput
        const read = await caller.streams[name](input, { signal: request.signal })
        return archiveResponse(read, context, log)
      }),
    )
  }
  const notAllowed = (allow: string) => () =>
    jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow })
  app.all('/v1/archives/dataset', notAllowed('GET, HEAD'))
  app.all('/v1/archives/assets', notAllowed('POST'))
  app.all('/v1/archives/objects', notAllowed('POST'))
}

function needed(context: Context, name: string): string {
  const value = context.req.query(name)
  if (value !== undefined) return value
  throw new MindtraceError('INVALID_INPUT', `?${name}= is missing`)
}

function flag(context: Context, name: string): boolean {
  const value = context.req.query(name) ?? 'true'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new MindtraceError(
    'INVALID_INPUT',
    `?${name}= is true or false, not '${value.slice(0, 64)}'`,
  )
}

async function archiveResponse(
  { body, fileName }: ArchiveRead,
  context: Context,
  log: Logger,
): Promise<Response> {
  const headers = {
    'content-type': 'application/x-tar',
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}`,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  }
  if (context.req.method === 'HEAD') {
    await body.cancel()
    return new Response(null, { headers })
  }
  return sentResponse(context, log, { status: 200, headers }, body)
}
