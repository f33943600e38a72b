import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { describe, expect, test } from 'vitest'
import { backEnds, type ServedLake, serveWithKeys } from './served-lake.ts'

function transport({ address }: ServedLake, key: string | undefined, sessionId?: string) {
  return new StreamableHTTPClientTransport(new URL(`${address}/mcp-server/mcp`), {
    ...(key === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${key}` } } }),
    ...(sessionId === undefined ? {} : { sessionId }),
  })
}

describe.each(backEnds)('MCP with keys on %s', (_name, kind, left) => {
  test.skipIf(left)('asks for a key and keeps to its scopes', async () => {
    await using served = await serveWithKeys(kind, { mcp: { tools: 'all' } })
    const connect = async (key: string | undefined) => {
      const client = new Client({ name: 'test', version: '0' })
      await client.connect(transport(served, key))
      return client
    }
    await expect(connect(undefined)).rejects.toThrow()
    const image = { kind: 'image', media_type: 'image/png', data_base64: 'YWJj' }
    const { asset } = await served.lake.assets.createFromObject({ ...image, name: 'a' })
    const call = async (client: Client, name: string, input = {}) => {
      const { isError, content } = await client.callTool({ name, arguments: input })
      return { isError, text: (content as unknown as [{ text: string }])[0].text }
    }

    const reader = await connect(served.keys.reader)
    expect(await call(reader, 'assets.get', { id: asset.asset_id })).toMatchObject({
      isError: false,
    })
    expect(await call(reader, 'keys.list')).toMatchObject({
      isError: true,
      text: expect.stringContaining('403: keys.list needs a key with the role admin'),
    })
    const limited = await connect(await served.key('reader', { mounts: ['other'] }))
    expect(await call(limited, 'assets.get', { id: asset.asset_id })).toMatchObject({
      isError: true,
      text: expect.stringContaining('403: this key is limited to the mounts other'),
    })
    const uri = `mindtrace://assets/${asset.asset_id}`
    await expect(limited.readResource({ uri })).rejects.toThrow('limited to the mounts other')
    expect((await reader.readResource({ uri })).contents).toHaveLength(1)
    await reader.close()
    await limited.close()
  })

  test.skipIf(left)('gives a session to nobody but the key that opened it', async () => {
    await using served = await serveWithKeys(kind)
    const send = (key: string, body: object, session?: string) =>
      fetch(`${served.address}/mcp-server/mcp`, {
        method: 'POST',
        headers: {
          'x-api-key': key,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(session === undefined ? {} : { 'mcp-session-id': session }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
      })
    const clientInfo = { name: 'test', version: '0' }
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
    const opened = await send(served.keys.reader, { method: 'initialize', params })
    await opened.text()
    const session = opened.headers.get('mcp-session-id') ?? ''
    expect(session).not.toBe('')
    expect((await send(served.keys.reader, { method: 'ping' }, session)).status).toBe(200)
    expect((await send(served.keys.admin, { method: 'ping' }, session)).status).toBe(404)
  })
})
