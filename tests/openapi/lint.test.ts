import { openApiDocument } from '@mindtrace/service/testing'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'

/** The problems that the linter finds, each with its place. */
async function problemsOf(document: unknown): Promise<string[]> {
  const found = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: '/openapi.json',
    config: await createConfig({ extends: ['recommended-strict'] }),
  })
  return found.map(
    ({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`,
  )
}

test('the document has nothing that a strict linter finds', async () => {
  expect(await problemsOf(openApiDocument('1.2.3'))).toEqual([])
})

test('the linter finds broken references, wrong examples and operations of the same name', async () => {
  const document = openApiDocument('1.2.3') as {
    readonly paths: Record<string, Record<string, Record<string, unknown>>>
  }
  const wrong = structuredClone(document)
  const operation = wrong.paths['/assets.get']?.post as Record<string, unknown>
  operation.operationId = 'assets_list'
  operation.requestBody = {
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/Nothing' } },
      'text/plain': { schema: { type: 'string' }, example: 5 },
    },
  }
  const rules = (await problemsOf(wrong)).map((problem) => problem.split(':')[0])
  expect(rules).toEqual(
    expect.arrayContaining([
      'no-unresolved-refs',
      'operation-operationId-unique',
      'no-invalid-media-type-examples',
    ]),
  )
})
