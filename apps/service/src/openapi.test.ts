import { allTasks, rowTasks, type TaskName, taskPath } from '@mindtrace/contract'
import type { Hono } from 'hono'
import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import { serviceStreams } from './service-streams.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, unknown>>
  readonly requestBody?: unknown
  readonly security?: readonly unknown[]
}

interface Schema {
  readonly required?: readonly string[]
  readonly properties: Readonly<Record<string, unknown>>
}

const document = openApiDocument('1.2.3') as unknown as {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly security: readonly Readonly<Record<string, unknown>>[]
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, unknown>>
    readonly securitySchemes: Readonly<Record<string, unknown>>
  }
}

/** Pages for people, and what speaks a protocol of its own. */
const undescribed = /^\/(?:\*|docs(?:\/.*)?|redoc|mcp-server\/mcp)?$/

/** The methods and paths that an app answers, as the document writes them. */
function routesOf(app: Hono): string[] {
  const routes = app.routes.flatMap(({ method, path }) =>
    method === 'ALL' || undescribed.test(path)
      ? []
      : [`${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`],
  )
  return [...new Set(routes)].sort()
}

test('describes every route of the service, and no other', () => {
  using metrics = new Metrics({ version: '1.2.3' })
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      // HEAD is answered wherever GET is.
      .filter((method) => method !== 'head')
      .map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(described.sort()).toEqual(routesOf(testApp(fakeLake(), { metrics })))
})

test('describes every task with its input, output and statuses', () => {
  for (const name of Object.keys(allTasks) as TaskName[]) {
    const operation = document.paths[taskPath(name)]?.post
    expect(operation?.operationId).toBe(name.replaceAll('.', '_'))
    expect(operation?.requestBody !== undefined).toBe(allTasks[name].input !== null)
    for (const status of [200, ...allTasks[name].statuses]) {
      expect(operation?.responses).toHaveProperty(String(status))
    }
  }
})

test('names every operation once, as generated code can', () => {
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.filter((id) => !/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(id))).toEqual([])
  const streams = Object.keys(serviceStreams).filter((name) => name !== 'rows')
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  expect(ids).toEqual(expect.arrayContaining(streams.map(snake)))
  expect(ids.filter((id) => id.startsWith('rows_'))).toHaveLength(rowTasks.length)
})

test('asks for fields that stand in every answer, not for those that a request may leave out', () => {
  const { Asset, AssetInput, PageInput, StorageRef, StorageRefInput } = document.components.schemas
  expect(Asset?.required).toEqual(Object.keys(Asset?.properties ?? {}))
  expect(AssetInput?.required).toContain('asset_id')
  expect(AssetInput?.required).not.toContain('_id')
  expect(AssetInput?.required).not.toContain('metadata')
  expect(PageInput?.required).toBeUndefined()
  expect(StorageRef?.required).toEqual(['mount', 'name', 'version', 'qualified_key'])
  expect(StorageRefInput?.required).toEqual(['mount', 'name'])
  expect(Asset?.properties.storage_ref).toEqual({ $ref: '#/components/schemas/StorageRef' })
  expect(AssetInput?.properties.storage_ref).toEqual({
    $ref: '#/components/schemas/StorageRefInput',
  })
  expect(Asset?.properties.created_at).toEqual({ $ref: '#/components/schemas/Instant' })
})

test('says how to send a key, and what comes back without', () => {
  const named = document.security.flatMap((one) => Object.keys(one))
  expect(named).toEqual(Object.keys(document.components.securitySchemes))
  for (const status of ['401', '403', '429']) {
    expect(document.paths['/assets.get']?.post?.responses).toHaveProperty(status)
    expect(document.paths['/v1/assets/{asset_id}/payload']?.get?.responses).toHaveProperty(status)
  }
  for (const [path, method] of [
    ['/status', 'post'],
    ['/health', 'get'],
    ['/ready', 'get'],
    ['/openapi.json', 'get'],
    ['/v1/downloads/{token}', 'get'],
  ] as const) {
    expect(document.paths[path]?.[method]?.security, path).toEqual([])
    expect(document.paths[path]?.[method]?.responses, path).not.toHaveProperty('401')
  }
})

test('is served as JSON', async () => {
  const response = await testApp(fakeLake()).request('/openapi.json')
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toMatchObject({
    openapi: '3.1.0',
    info: {
      title: 'DatalakeService',
      version: 'Mindtrace 0.0.0-test',
      description: 'DatalakeService server.',
    },
  })
})

test('every path that answers something answers 405 to other methods, and says which there are', async () => {
  using metrics = new Metrics({ version: '1.2.3' })
  const app = testApp(fakeLake(), { metrics })
  const methods = async (path: string, method: string) => {
    const response = await app.request(path, { method })
    return [response.status, response.headers.get('allow')]
  }
  expect(await methods('/assets.get', 'GET')).toEqual([405, 'POST'])
  expect(await methods('/health', 'DELETE')).toEqual([405, 'GET, HEAD, POST'])
  expect(await methods('/ready', 'POST')).toEqual([405, 'GET, HEAD'])
  expect(await methods('/openapi.json', 'PUT')).toEqual([405, 'GET, HEAD'])
  for (const [path, operations] of Object.entries(document.paths)) {
    const concrete = path.replace(/\{\w+\}/g, 'a')
    const [status, allow] = await methods(concrete, 'OTHER')
    expect(status, path).toBe(405)
    for (const method of Object.keys(operations)) {
      expect(String(allow).split(', '), path).toContain(method.toUpperCase())
    }
  }
})
