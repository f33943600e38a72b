import {
  allTasks,
  isExtension,
  type StreamRoute,
  type TaskName,
  taskPath,
} from '@mindtrace/contract'
import { z } from 'zod'
import { plainSchema } from './plain-schema.ts'
import { isProcessTask } from './process-tasks.ts'
import { serviceStreams } from './service-streams.ts'

type Json = Readonly<Record<string, unknown>>

const schemaPath = '#/components/schemas/'

/** The OpenAPI 3.1 document, made from the very schemas that requests are checked with. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const name of Object.keys(allTasks) as TaskName[]) {
    paths[taskPath(name)] = { post: taskOperation(name) }
  }
  for (const [name, route] of Object.entries<StreamRoute>(serviceStreams)) {
    const path = route.path.replace('+}', '}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: streamOperation(name, route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'DatalakeService',
      version: `Mindtrace ${version}`,
      description: 'DatalakeService server.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Without keys in the lake nobody is asked for one.
    security: [{ bearer: [] }, { apiKey: [] }, { basic: [] }, {}],
    paths,
    components: { schemas: components(paths), securitySchemes },
  }
}

function taskOperation(name: TaskName): Json {
  const { input, output, summary, statuses } = allTasks[name]
  const family = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : 'service'
  return {
    operationId: name,
    summary,
    tags: [isExtension(name) ? `${family} (v1)` : family],
    ...(name === 'status' ? { security: [] } : {}),
    ...(input === null ? {} : { requestBody: { required: true, content: json(reference(input)) } }),
    responses: {
      200: {
        description: 'Done.',
        content: json(output === null ? { type: 'null' } : reference(output)),
      },
      ...Object.fromEntries(statuses.map((status) => [status, failure(status)])),
      ...(name === 'status' ? {} : admission),
      ...(input === null
        ? {}
        : {
            413: failure(413),
            422: {
              description: 'The body does not fit.',
              content: json({ $ref: `${schemaPath}HTTPValidationError` }),
            },
          }),
      ...(isProcessTask(name) ? {} : { 500: failure(500), 501: failure(501), 503: failure(503) }),
    },
  }
}

const descriptions: Readonly<Record<number, string>> = {
  304: 'Not changed.',
  400: 'The request makes no sense.',
  401: 'A key is asked for, and none that counts was sent.',
  403: 'The role or the scopes of the key do not allow it.',
  404: 'Something that it names does not exist.',
  409: 'In conflict with what is there.',
  413: 'Too large.',
  416: 'The range starts behind the end.',
  422: 'The body does not fit.',
  429: 'Too much at once for one key; the header Retry-After says when to come again.',
  500: 'An error of the service; its id stands in the log.',
  501: 'This service does not do that.',
  503: 'Database or storage do not answer.',
  507: 'No space left.',
}

function failure(status: number): Json {
  return {
    description: descriptions[status] ?? 'Failed.',
    content: json({ $ref: `${schemaPath}Failure` }),
  }
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

function reference(schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id
  return id === undefined
    ? plainSchema(z.toJSONSchema(schema, { io: 'input' }))
    : { $ref: `${schemaPath}${id}` }
}

/** What every operation may answer that asks for a key. */
const admission: Json = Object.fromEntries([401, 403, 429].map((one) => [one, failure(one)]))

const securitySchemes: Json = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A key: `mtk_…`.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'The key as user or as password, as in `https://KEY@host`.',
  },
}

const bytes: Json = { 'application/octet-stream': {} }

/** What the table of streams leaves out, by their names. */
const streamDetails: Readonly<
  Record<string, { query?: Json; body?: Json; ok: Json; statuses: number[] }>
> = {
  readAsset: { ok: bytes, statuses: [304, 404, 409, 416] },
  readObject: { query: { version: 'string' }, ok: bytes, statuses: [304, 400, 404, 416] },
  writeObject: {
    query: { version: 'string', on_conflict: 'string' },
    body: bytes,
    ok: json({ type: 'object' }),
    statuses: [400, 403, 404, 409, 507],
  },
  ingestGroup: {
    body: { 'application/vnd.mindtrace.ingest-frames': {} },
    ok: json({ $ref: `${schemaPath}IngestGroupResult` }),
    statuses: [400, 404, 409, 422, 507],
  },
  thumbnail: {
    query: { width: 'integer' },
    ok: { 'image/webp': {}, 'image/jpeg': {} },
    statuses: [304, 400, 404, 409],
  },
  download: { ok: bytes, statuses: [304, 403, 404, 416] },
}

function streamOperation(name: string, { path, summary, method }: StreamRoute): Json {
  const details = streamDetails[name]
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\+?\}/g)].map(([, parameter]) => ({
      name: parameter,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(details?.query ?? {}).map(([parameter, type]) => ({
      name: parameter,
      in: 'query',
      schema: { type },
    })),
  ]
  const ranges = method === 'GET' && name !== 'thumbnail'
  return {
    operationId: name,
    summary,
    tags: ['streams (v1)'],
    // A signed address is a key of its own.
    ...(name === 'download' ? { security: [] } : {}),
    parameters,
    ...(details?.body === undefined
      ? {}
      : { requestBody: { required: true, content: details.body } }),
    responses: {
      200: { description: 'Done.', content: details?.ok },
      ...(ranges ? { 206: { description: 'The part that was asked for.', content: bytes } } : {}),
      ...Object.fromEntries((details?.statuses ?? []).map((status) => [status, failure(status)])),
      ...(name === 'download' ? {} : admission),
      500: failure(500),
      501: failure(501),
      503: failure(503),
    },
  }
}

const ownComponents: Json = {
  Failure: {
    type: 'object',
    required: ['detail'],
    properties: {
      detail: { description: 'A text, or an object with `code` and `message`.' },
    },
  },
  HTTPValidationError: {
    type: 'object',
    properties: {
      detail: { type: 'array', items: { $ref: `${schemaPath}ValidationError` } },
    },
  },
  ValidationError: {
    type: 'object',
    required: ['loc', 'msg', 'type'],
    properties: {
      loc: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'integer' }] } },
      msg: { type: 'string' },
      type: { type: 'string' },
      input: {},
      ctx: { type: 'object' },
    },
  },
}

/** The schemas that the operations lead to, and those that these lead to. */
function components(paths: unknown): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    io: 'input',
    uri: (id) => `${schemaPath}${id}`,
  })
  const all: Json = { ...schemas, ...ownComponents }
  const used: Record<string, unknown> = {}
  const visit = (value: unknown): void => {
    for (const id of referencesIn(value)) {
      if (id in used) continue
      used[id] = plainSchema(all[id] as Json)
      visit(used[id])
    }
  }
  visit(paths)
  return Object.fromEntries(Object.entries(used).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function referencesIn(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, id]) => id as string,
  )
}
