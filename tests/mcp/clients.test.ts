import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { temporaryFolder } from '@mindtrace/core/testing'
import { type McpOptions, type RunningService, serve } from '@mindtrace/service'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect, test } from 'vitest'
import { cliArguments } from '../cli/run-cli.ts'
import { openSampleLake, png, type SampleLake } from './sample-lake.ts'

interface Connected extends AsyncDisposable {
  readonly client: Client
  readonly sample: SampleLake
}

type Connect = (tools: 'default' | 'all') => Promise<Connected>

/** A client of the SDK in one of its ways of speaking: the protocol of 2025, or that of 2026. */
function newClient(mode: 'legacy' | 'auto'): Client {
  return new Client({ name: 'test', version: '0' }, { versionNegotiation: { mode } })
}

async function servedSample(
  mcp: McpOptions,
): Promise<{ sample: SampleLake; service: RunningService } & AsyncDisposable> {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const sample = stack.use(await openSampleLake(join(folder.path, 'lake')))
  const service = stack.use(
    await serve({ lake: sample.lake, port: 0, mcp, pidFolder: folder.path }),
  )
  return { sample, service, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const overHttp =
  (mode: 'legacy' | 'auto', sessions: McpOptions['sessions']): Connect =>
  async (tools) => {
    const served = await servedSample({ tools, sessions })
    const client = newClient(mode)
    const url = new URL('/mcp-server/mcp', served.service.address)
    await client.connect(new StreamableHTTPClientTransport(url))
    expect(client.getProtocolEra()).toBe(mode === 'auto' ? 'modern' : 'legacy')
    return {
      client,
      sample: served.sample,
      async [Symbol.asyncDispose]() {
        await client.close()
        await served[Symbol.asyncDispose]()
      },
    }
  }

/** `mindtrace mcp` as a process that the client starts, on a folder or on a lake that is served. */
const overStdio =
  (mode: 'legacy' | 'auto', of: 'folder' | 'service' = 'folder'): Connect =>
  async (tools) => {
    const stack = new AsyncDisposableStack()
    const folder = stack.use(await temporaryFolder())
    const path = join(folder.path, 'lake')
    const sample = stack.use(await openSampleLake(path))
    const address =
      of === 'folder'
        ? path
        : stack.use(await serve({ lake: sample.lake, port: 0, pidFolder: folder.path })).address
    const client = newClient(mode)
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [...cliArguments, 'mcp', '--lake', address, '--tools', tools],
      }),
    )
    stack.defer(() => client.close())
    return { client, sample, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

describe.each<[string, Connect]>([
  ['HTTP with a session', overHttp('legacy', {})],
  ['HTTP without sessions', overHttp('legacy', false)],
  ['HTTP in the protocol of 2026', overHttp('auto', {})],
  ['stdio', overStdio('legacy')],
  ['stdio in the protocol of 2026', overStdio('auto')],
  ['stdio of a served lake', overStdio('legacy', 'service')],
])('the official client over %s', (_way, connect) => {
  test('lists and calls tools, whose results fit their schemas', async () => {
    await using connected = await connect('default')
    const { client, sample } = connected
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(14)
    const { imageId: id } = sample
    for (const input of [{ id }, { payload: { id } }]) {
      const { content, structuredContent, isError } = await client.callTool({
        name: 'assets.get',
        arguments: input,
      })
      expect(isError).not.toBe(true)
      expect(structuredContent).toMatchObject({ asset: { asset_id: id } })
      const [block, ...more] = content as { type: string; text: string }[]
      expect(more).toEqual([])
      expect(JSON.parse(block?.text ?? '')).toEqual(structuredContent)
    }
    const resolved = await client.callTool({
      name: 'dataset_versions.view_page',
      arguments: { dataset_name: 'pets/small 1', version: '1.0.0', expand: { assets: true } },
    })
    expect(resolved.structuredContent).toMatchObject({ items: [{ split: 'train' }] })
    const { structuredContent } = await client.callTool({ name: 'endpoints' })
    expect((structuredContent as { endpoints: string[] }).endpoints).toHaveLength(116)
  })

  test('is told what is wrong', async () => {
    await using connected = await connect('default')
    const { client } = connected
    const ask = async (name: string, input: Record<string, unknown>) => {
      const { content, isError } = await client.callTool({ name, arguments: input })
      return [isError, (content as { text: string }[])[0]?.text]
    }
    expect(await ask('assets.get', { id: 'nothing' })).toEqual([
      true,
      expect.stringMatching(/^Error calling tool 'assets\.get': 404: .*nothing/),
    ])
    expect(await ask('assets.get', { id: 5 })).toEqual([
      true,
      "Error calling tool 'assets.get': 422: id: Input should be a valid string",
    ])
    // Tasks that write are not there, whatever is asked for.
    for (const name of ['assets.delete', 'shutdown', 'no_such_tool', 'mounts']) {
      expect(await ask(name, {})).toEqual([true, `Unknown tool: '${name}'`])
    }
  })

  test('sees every task that reads, where that is asked for', async () => {
    await using connected = await connect('all')
    const { client } = connected
    const names = (await client.listTools()).tools.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['assets.list_page', 'lake.stats', 'mounts']))
    expect(names.filter((name) => /create|update|delete|shutdown|wipe|import_/.test(name))).toEqual(
      [
        'dataset_versions.import_prepare',
        'dataset_versions.import_job_status',
        'dataset_versions.import_job_result',
        'dataset_versions.import_session_status',
      ],
    )
    for (const name of names.filter((one) => /\.list_page$|^lake\.stats$|^summary$/.test(one))) {
      const { isError, content } = await client.callTool({ name, arguments: {} })
      expect(isError, JSON.stringify(content)).not.toBe(true)
    }
  })

  test('reads images, texts and datasets as resources', async () => {
    await using connected = await connect('default')
    const { client, sample } = connected
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'mindtrace://assets/{asset_id}',
      'mindtrace://datasets/{name}/{version}',
    ])
    const image = `mindtrace://assets/${sample.imageId}`
    expect((await client.readResource({ uri: image })).contents).toEqual([
      { uri: image, mimeType: 'image/png', blob: png.toString('base64') },
    ])
    const text = `mindtrace://assets/${sample.textId}`
    expect((await client.readResource({ uri: text })).contents).toEqual([
      { uri: text, mimeType: 'text/plain', text: 'grüße' },
    ])
    const { resources } = await client.listResources()
    expect(resources.map(({ name }) => name)).toEqual(['pets/small 1@1.0.0'])
    const [dataset] = (await client.readResource({ uri: resources[0]?.uri ?? '' })).contents
    expect(JSON.parse((dataset as { text: string }).text)).toMatchObject({
      dataset_name: 'pets/small 1',
      datums: 1,
      manifest: [expect.stringMatching(/^datum_/)],
    })
    for (const uri of [
      'mindtrace://assets/none',
      'mindtrace://assets/..%2F',
      'file:///etc/passwd',
    ]) {
      await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32602 })
    }
  })
})

test('an open stream does not hold up the end of the service', async () => {
  await using served = await servedSample({})
  const url = new URL('/mcp-server/mcp', served.service.address)
  const client = newClient('legacy')
  const transport = new StreamableHTTPClientTransport(url)
  await client.connect(transport)
  const headers = { accept: 'text/event-stream', 'mcp-session-id': transport.sessionId ?? '' }
  // The client has opened the one stream of its session, or this does.
  const stream = await fetch(url, { headers })
  expect([200, 409]).toContain(stream.status)
  const started = performance.now()
  await served.service.close()
  expect(performance.now() - started).toBeLessThan(2_000)
  await stream.text()
  await client.close()
})

const python = process.env.MINDTRACE_TEST_PYTHON

/** Where the Python package looks for MCP: at its default, or where its configuration says. */
const places = [
  ['/mcp-server/mcp', {}],
  ['/my-tools/at', { MINDTRACE_MCP__MOUNT_PATH: '/my-tools', MINDTRACE_MCP__HTTP_APP_PATH: '/at' }],
] as const

test.skipIf(python === undefined).each(places)(
  'the Python package connects to it at %s (set MINDTRACE_TEST_PYTHON)',
  { timeout: 120_000 },
  async (path, configuration) => {
    await using folder = await temporaryFolder()
    await using served = await servedSample({ path })
    const home = join(folder.path, 'home')
    await mkdir(home)
    const script = fileURLToPath(new URL('mcp_client.py', import.meta.url))
    const { stdout } = await promisify(execFile)(
      python as string,
      [script, served.service.address, served.sample.imageId],
      {
        env: {
          ...process.env,
          ...configuration,
          HOME: home,
          XDG_CACHE_HOME: home,
          PYTHONDONTWRITEBYTECODE: '1',
        },
      },
    )
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      server: 'DatalakeService mcp server.',
      tools: 14,
      wrapped: served.sample.imageId,
      flat: served.sample.imageId,
      health: 'ok',
      error: expect.stringContaining("Error calling tool 'assets.get': 404: "),
      image: png.toString('base64'),
    })
  },
)
