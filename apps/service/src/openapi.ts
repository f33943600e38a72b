import { allTasks, type StreamRoute, type TaskName, taskPath } from '@mindtrace/contract'
import { sharedComponents } from './openapi/answers.ts'
import type { Json } from './openapi/json.ts'
import { probes } from './openapi/probes.ts'
import { SchemaBook } from './openapi/schemas.ts'
import { streamPaths } from './openapi/streams.ts'
import { tagsOf } from './openapi/tags.ts'
import { taskOperation } from './openapi/tasks.ts'
import { type ServiceStream, serviceStreams } from './service-streams.ts'

/**
 * The OpenAPI 3.1 document, made from the very schemas that requests are checked with. It holds everything that the
 * service answers but MCP and pages for people.
 *
 * @see https://spec.openapis.org/oas/v3.1.1.html
 */
export function openApiDocument(version: string): Json {
  const book = new SchemaBook()
  const paths: Record<string, Json> = {}
  const add = (path: string, operations: Json) => {
    paths[path] = { ...paths[path], ...operations }
  }
  for (const name of Object.keys(allTasks) as TaskName[]) {
    add(taskPath(name), { post: taskOperation(name, book) })
  }
  for (const [name, route] of Object.entries<StreamRoute>(serviceStreams)) {
    const described = streamPaths(name as ServiceStream, route, book)
    for (const [path, operations] of Object.entries(described)) add(path, operations as Json)
  }
  for (const [path, operation] of Object.entries(probes)) add(path, { get: operation })
  const resolved = book.resolve({ paths })
  return {
    openapi: '3.1.0',
    info: {
      title: 'DatalakeService',
      version: `Mindtrace ${version}`,
      description: 'DatalakeService server.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Where this document lies.' }],
    // Without keys in the lake nobody is asked for one.
    security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }, {}],
    tags: tagsOf(paths),
    ...resolved.parts,
    components: {
      schemas: { ...resolved.schemas, ...sharedComponents.schemas },
      responses: sharedComponents.responses,
      headers: sharedComponents.headers,
      securitySchemes,
    },
  }
}

const securitySchemes: Json = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key: `mtk_…`.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key: `mtk_…`.' },
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'The key as user or as password, as in `https://KEY@host`.',
  },
}
