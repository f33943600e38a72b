import { allTasks, streamRoutes, type TaskName, taskPath } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { openApiDocument } from './openapi.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { testApp } from './testing/test-app.ts'

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, unknown>>
  readonly requestBody?: unknown
}

const document = openApiDocument('1.2.3') as unknown as {
  readonly openapi: string
  readonly info: { readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

test('describes every task with its input, output and statuses', () => {
  for (const name of Object.keys(allTasks) as TaskName[]) {
    const operation = document.paths[taskPath(name)]?.post
    expect(operation?.operationId).toBe(name)
    expect(operation?.requestBody !== undefined).toBe(allTasks[name].input !== null)
    for (const status of [200, ...allTasks[name].statuses]) {
      expect(operation?.responses).toHaveProperty(String(status))
    }
  }
})

test('describes every stream', () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  const ids = operations.map(({ operationId }) => operationId)
  expect(ids).toEqual(expect.arrayContaining([...Object.keys(streamRoutes), 'thumbnail']))
  expect(new Set(ids).size).toBe(ids.length)
})

test('says how to send a key, and what comes back without', () => {
  const { security, components } = document as unknown as {
    readonly security: readonly Readonly<Record<string, unknown>>[]
    readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> }
  }
  const named = security.flatMap((one) => Object.keys(one))
  expect(named).toEqual(Object.keys(components.securitySchemes))
  for (const status of ['401', '403', '429']) {
    expect(document.paths['/assets.get']?.post?.responses).toHaveProperty(status)
    expect(document.paths['/v1/assets/{asset_id}/payload']?.get?.responses).toHaveProperty(status)
    expect(document.paths['/status']?.post?.responses).not.toHaveProperty(status)
  }
})

test('leads nowhere with its references', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)]
  expect(references.length).toBeGreaterThan(200)
  for (const [, reference = ''] of references) {
    expect(reference).toMatch(/^#\/components\/schemas\/\w+$/)
    expect(document.components.schemas).toHaveProperty(reference.split('/').at(-1) as string)
  }
  expect(JSON.stringify(document)).not.toContain('$schema')
})

test('is served as JSON', async () => {
  const response = await testApp(fakeLake()).request('/openapi.json')
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'DatalakeService' },
  })
})
