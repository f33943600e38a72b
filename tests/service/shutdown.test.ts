import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { connectLake } from '@mindtrace/client'
import { bytesOf } from '@mindtrace/core'
import { openLake } from '@mindtrace/datalake'
import { expect, test } from 'vitest'
import { serveProcess, until } from './served-process.ts'

/** An upload of which a part has been sent. */
function upload(port: number, name: string, sizeBytes: number, first: string) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
  })
  socket.write(
    `PUT /v1/objects/main/${name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${sizeBytes}\r\n\r\n${first}`,
  )
  return { socket, closed: once(socket, 'close') as Promise<unknown>, answer: () => answer }
}

/** Opens an MCP session and its stream of messages, which stays open as long as the service lives. */
async function mcpStream(address: string): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  }
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    },
  }
  const opened = await fetch(`${address}/mcp-server/mcp`, {
    method: 'POST',
    headers,
    body: JSON.stringify(initialize),
  })
  await opened.text()
  const session = opened.headers.get('mcp-session-id') ?? ''
  expect(session).not.toBe('')
  const stream = await fetch(`${address}/mcp-server/mcp`, {
    headers: { accept: 'text/event-stream', 'mcp-session-id': session },
  })
  expect(stream.status).toBe(200)
  return stream
}

const flowing = async (socket: Socket) => {
  await until(() => socket.bytesWritten > 0 && socket.writableLength === 0)
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends what is idle at once, lets an upload end that can, breaks off one that can’t, and leaves the lake whole',
  async (signal) => {
    await using served = await serveProcess({
      args: ['--log', 'json', '--verbose', '--shutdown-timeout', '8'],
    })
    const client = connectLake(served.address)
    const { pid_file } = await client.pidFile()
    await access(pid_file)
    const stream = await mcpStream(served.address)
    const stuck = upload(served.port, 'stuck', 1_000_000, 'x'.repeat(100_000))
    const quick = upload(served.port, 'quick', 10, '01234')
    await Promise.all([flowing(stuck.socket), flowing(quick.socket)])
    await until(async () => {
      const text = await (await fetch(`${served.address}/metrics`)).text()
      // Two uploads, one stream, the one that asks.
      return text.includes('mindtrace_requests_in_flight 4\n')
    })

    served.kill(signal)
    await until(() => served.lines().some((line) => line.includes('"msg":"ending"')))
    // A stream that would never end by itself ends as it should, and not by a broken connection.
    expect(await stream.text()).toEqual(expect.any(String))
    quick.socket.write('56789')
    await quick.closed
    expect(quick.answer()).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    await expect(client.status()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await stuck.closed
    expect(stuck.answer()).toBe('')

    const ended = await served.finished
    expect([ended.code, ended.signal]).toEqual([0, null])
    expect(ended.stderr).not.toContain('"level":"error"')
    await expect(access(pid_file)).rejects.toMatchObject({ code: 'ENOENT' })
    await using lake = await openLake(served.lake)
    // What was broken off is written down as well.
    const { entries } = await lake.audit.list({})
    expect(entries.map(({ task, outcome }) => [task, outcome])).toEqual([
      ['writeObject', 'failed'],
      ['writeObject', 'done'],
    ])
    const { body } = await lake.streams.readObject({ mount: 'main', name: 'quick' })
    expect(new TextDecoder().decode(await bytesOf(body, 100))).toBe('0123456789')
    await expect(lake.streams.readObject({ mount: 'main', name: 'stuck' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await lake.lake.verify({ read_data: true })).ok).toBe(true)
  },
  120_000,
)

test('a second signal ends it at once', async () => {
  await using served = await serveProcess({
    args: ['--log', 'json', '--shutdown-timeout', '600'],
  })
  const stuck = upload(served.port, 'stuck', 1_000_000, 'x'.repeat(1_000))
  await flowing(stuck.socket)
  await until(async () =>
    (await (await fetch(`${served.address}/metrics`)).text()).includes(
      'mindtrace_requests_in_flight 2\n',
    ),
  )
  served.kill('SIGTERM')
  await until(() => served.lines().some((line) => line.includes('"msg":"ending"')))
  served.kill('SIGTERM')
  expect(await served.finished).toMatchObject({ code: 130 })
  await stuck.closed
}, 60_000)
