import { readFile } from 'node:fs/promises'
import type { Lake, TaskName } from '@mindtrace/contract'
import { fixedClock } from '@mindtrace/core/testing'
import { openSqliteDatabase } from '@mindtrace/database/sqlite'
import { openLocalLake } from '@mindtrace/datalake'
import { openRegistry, Store } from '@mindtrace/registry'
import { MemoryMount } from '@mindtrace/registry/memory'
import { createApp } from '@mindtrace/service'
import { expect, test } from 'vitest'
import { type Exchange, type Json, Translation } from '../golden/like-the-reference.ts'

interface Tool {
  readonly name: string
  readonly inputSchema: Schema
  readonly outputSchema?: Schema
}

interface Schema {
  readonly properties: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
}

interface McpExchange {
  readonly note: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: { readonly [key: string]: Json } | null
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly message: Json
  }
}

interface Golden {
  readonly tools: readonly Tool[]
  readonly exchanges: readonly McpExchange[]
}

const fixture = (name: string) => readFile(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')
const golden = JSON.parse(await fixture('golden-mcp.json')) as Golden

/** Where we answer otherwise on purpose, by the note of the exchange, and why. */
const deviations: Readonly<Record<string, string>> = {
  'tools/call assets.get, flat arguments instead of the wrapper':
    'decision 6: flat arguments are what we advertise',
  'resources/list': 'the datasets of the lake',
  'unknown method': 'JSON-RPC says -32601 for a method that is not there',
  'no session id': 'a request that names no session is answered for itself',
  'accept without text/event-stream': 'the SDK has a code of its own for that',
  'path with a trailing slash': 'served, not redirected',
}

/** The exchanges of the recorded story that made what the recorded session asks for. */
const making = new Set([64, 65, 66, 67, 189, 190, 191, 255])

/** A lake with what the recorded session asks for, made as the recorded story made it. */
async function openLake(translation: Translation): Promise<Lake> {
  const defaults = { versionObjects: true, mutable: true }
  const lake = await openLocalLake({
    database: await openSqliteDatabase({ path: ':memory:' }),
    store: new Store({
      main: await openRegistry(new MemoryMount(), { defaults }),
      bucket: await openRegistry(new MemoryMount(), { defaults }),
    }),
    clock: fixedClock(),
    settings: { databaseName: 'gold_wire_a' },
  })
  for (const line of (await fixture('golden-story.jsonl')).trim().split('\n')) {
    const { n, task, request = null, response = null } = JSON.parse(line) as Exchange
    if (!making.has(n)) continue
    const input = translation.request(request) as never
    translation.differences(response, (await lake.call(task as TaskName, input)) as Json)
  }
  return lake
}

function openApp(lake: Lake) {
  const serverInfo = { serverId: 'none', pidFile: 'none', version: '0.16.0' }
  return createApp({ lake, serverInfo })
}

/** The message of an answer, whether it came as an event or as JSON. */
async function messageOf(response: Response): Promise<Json> {
  const text = await response.text()
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text
  return data === '' ? null : (JSON.parse(data) as Json)
}

/** What two programs say alike: not the texts of errors, nor what servers can do besides. */
function comparable(message: Json): Json {
  return JSON.parse(JSON.stringify(message), (key, value) => {
    if (key === 'capabilities')
      return Object.keys(value)
        .filter((name) => /tools|resources/.test(name))
        .sort()
    if (key === 'instructions' || key === 'message') return undefined
    if (key === 'tools') return []
    if (key === 'id' && (value === null || value === 'server-error')) return 'none'
    if (key === 'text' && value.startsWith('{')) return JSON.parse(value)
    if (key === 'text' && value.startsWith('Error calling'))
      return value.replace(/(\d{3}):.*/, '$1')
    return value
  }) as Json
}

test('a session goes as it went with the reference', async () => {
  const translation = new Translation()
  await using lake = await openLake(translation)
  const app = openApp(lake)
  const sessions = new Map<string, string>()
  const differing: Record<string, string[]> = {}

  for (const { note, request, response } of golden.exchanges) {
    const headers: Record<string, string> = { ...request.headers }
    const session = headers['mcp-session-id']
    if (session !== undefined) headers['mcp-session-id'] = sessions.get(session) ?? session
    const { method, path } = request
    const body = request.body === null ? null : JSON.stringify(translation.request(request.body))
    const ours = await app.request(path, { method, headers, body })
    const faults: string[] = []
    if (ours.status !== response.status) faults.push(`status ${ours.status}`)
    for (const name of ['content-type', 'cache-control']) {
      const theirs = response.headers[name]
      if (theirs === undefined || ours.status >= 400 || response.message === null) continue
      if (ours.headers.get(name) !== theirs) faults.push(`${name} ${ours.headers.get(name)}`)
    }
    const theirId = response.headers['mcp-session-id']
    if (theirId !== undefined && response.status < 400) {
      const ourId = ours.headers.get('mcp-session-id')
      if (ourId === null || ourId !== (sessions.get(theirId) ?? ourId)) faults.push(`id ${ourId}`)
      else sessions.set(theirId, ourId)
    }
    faults.push(
      ...translation.differences(comparable(response.message), comparable(await messageOf(ours))),
    )
    if (faults.length > 0) differing[note] = faults
  }

  const unexpected = Object.entries(differing).filter(([note]) => !(note in deviations))
  expect(Object.fromEntries(unexpected)).toEqual({})
  // A deviation that no longer occurs is taken out of the table.
  expect(Object.keys(deviations)).toEqual(Object.keys(differing))
})

/** What of a schema both programs say: pydantic and zod differ in words. */
function normalised(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema), (key, value) => {
    if (key === 'propertyNames' || key === 'title') return undefined
    // Defaults that pydantic makes by a function are not in its schemas.
    if (key === 'default' && /^(\{\}|\[\])$/.test(JSON.stringify(value))) return undefined
    if (key === 'additionalProperties' && JSON.stringify(value) === '{}') return true
    if (!Array.isArray(value?.type)) return value
    const { type, ...rest } = value
    return { ...rest, anyOf: type.map((one: string) => ({ type: one })) }
  })
}

test('the tools are those of the reference, with its models as flat arguments', async () => {
  await using lake = await openLake(new Translation())
  const response = await openApp(lake).request('/mcp-server/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  const { result } = (await messageOf(response)) as unknown as {
    readonly result: { readonly tools: readonly (Tool & { readonly description: string })[] }
  }
  expect(result.tools.map(({ name }) => name)).toEqual(golden.tools.map(({ name }) => name))
  for (const [at, theirs] of golden.tools.entries()) {
    const ours = result.tools[at]
    const wanted = theirs.inputSchema.properties.payload ?? theirs.inputSchema
    expect(normalised(ours?.inputSchema), theirs.name).toEqual(normalised(wanted))
    expect(ours?.description.length, theirs.name).toBeGreaterThan(20)
    if (theirs.outputSchema !== undefined) {
      expect(Object.keys(ours?.outputSchema?.properties ?? {}), theirs.name).toEqual(
        Object.keys(theirs.outputSchema.properties),
      )
    }
  }
})
