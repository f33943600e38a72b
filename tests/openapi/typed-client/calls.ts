import createClient from 'openapi-fetch'
// Written by typed-client.test.ts from the document of the service.
import type { components, paths } from './paths.ts'

type Asset = components['schemas']['Asset']

/** What a program does with the client that openapi-typescript makes of our document. */
export async function calls(baseUrl: string, apiKey: string): Promise<Record<string, unknown>> {
  const client = createClient<paths>({ baseUrl, headers: { 'x-api-key': apiKey } })

  const created = await client.POST('/assets.create_from_object', {
    body: { name: 'one.txt', data_base64: 'AQID', kind: 'document', media_type: 'text/plain' },
  })
  if (created.data === undefined) throw new Error(JSON.stringify(created.error))
  const asset: Asset = created.data.asset
  const version: string | null = asset.storage_ref.version

  const page = await client.POST('/assets.list_page', { body: { limit: 1, include_total: true } })
  const total: number | null | undefined = page.data?.page.total_count

  const missing = await client.POST('/assets.get', { body: { id: 'nothing' } })
  const detail: unknown = missing.error?.detail

  // @ts-expect-error a limit is a number
  const refused = await client.POST('/assets.list_page', { body: { limit: 'one' } })

  const payload = await client.GET('/v1/assets/{asset_id}/payload', {
    params: { path: { asset_id: asset.asset_id }, header: { range: 'bytes=1-' } },
    parseAs: 'arrayBuffer',
  })
  const written = await client.PUT('/v1/objects/{mount}/{name}', {
    params: { path: { mount: '-', name: 'two.bin' }, query: { on_conflict: 'overwrite' } },
    body: 'text',
    bodySerializer: (text) => new TextEncoder().encode(String(text)),
  })
  const ready = await client.GET('/ready')
  const nothing = await client.POST('/assets.delete', { body: { id: asset.asset_id } })
  return {
    version,
    total,
    detail,
    range: [payload.response.status, payload.response.headers.get('content-range')],
    written: written.data?.size_bytes,
    ready: ready.data?.status,
    nothing: nothing.data,
    refused: refused.response.status,
  }
}
