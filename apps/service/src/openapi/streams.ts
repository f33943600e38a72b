import { wireHeaders } from '@mindtrace/client'
import {
  AssetArchiveInput,
  allTasks,
  IngestGroupResult,
  ingestFramesType,
  ObjectArchiveInput,
  rowLinesType,
  rowTasks,
  StorageRef,
  type StreamRoute,
} from '@mindtrace/contract'
import type { ServiceStream } from '../service-streams.ts'
import { type AnswerHeader, answerHeaders, failures, json } from './answers.ts'
import type { Json } from './json.ts'
import { admission, always, ofTheLake, operationId } from './operation.ts'
import type { SchemaBook } from './schemas.ts'

/** What the table of streams leaves out of one of them. */
interface StreamDetails {
  /** Query and header parameters. */
  readonly parameters?: readonly Json[]
  /** Its body: media types and their schemas. */
  readonly body?: Json
  readonly bodyOptional?: boolean
  /** What comes back, by the status. */
  readonly answers: Json
  /** Statuses of failures beside those that every stream may answer. */
  readonly statuses: readonly number[]
  /** Whether HEAD answers the headers alone. */
  readonly head?: boolean
  /** Whether nobody is asked for a key. */
  readonly open?: boolean
}

const text: Json = { type: 'string' }

function query(name: string, description: string, schema: Json = text): Json {
  return { name, in: 'query', description, schema }
}

function requestHeader(name: string, description: string): Json {
  return { name, in: 'header', description, schema: text }
}

const ifNoneMatch = requestHeader(
  'if-none-match',
  'ETags that the caller has: 304 for one of them.',
)
const conditions: readonly Json[] = [
  requestHeader('range', 'One range of bytes, as `bytes=0-99`; anything else gets the whole.'),
  ifNoneMatch,
  requestHeader('if-range', 'An ETag: the range counts only as long as it holds.'),
]

/** Bytes of whatever type they were stored as. */
const bytes: Json = { '*/*': {} }

const unchanged: Json = {
  304: {
    description: 'Not changed.',
    headers: answerHeaders('x-request-id', 'etag', 'cache-control'),
  },
}

/** A payload: the whole, or a part. */
const payload: Json = {
  ...Object.fromEntries(
    (
      [
        [200, 'The bytes.', []],
        [206, 'The part that was asked for.', ['content-range']],
      ] as const
    ).map(([status, description, more]) => [
      status,
      {
        description,
        headers: answerHeaders(
          'x-request-id',
          'etag',
          'content-length',
          'accept-ranges',
          'content-disposition',
          'cache-control',
          wireHeaders.storageRef,
          ...more,
        ),
        content: bytes,
      },
    ]),
  ),
  ...unchanged,
}

/** An archive; where it breaks off, so does the connection. */
const archive: Json = {
  200: {
    description: 'The archive, as it is made.',
    headers: answerHeaders('x-request-id', 'content-disposition', 'cache-control'),
    content: { 'application/x-tar': {} },
  },
}

const tusVersion: Json = {
  ...requestHeader('tus-resumable', 'Of the protocol.'),
  required: true,
  schema: { type: 'string', const: '1.0.0' },
}
const uploadChecksum = requestHeader(
  'upload-checksum',
  'Of this body: `sha1`, `sha256` or `md5`, and the digest in base64.',
)

function uploadHeaders(...names: readonly AnswerHeader[]): Json {
  return answerHeaders('x-request-id', 'tus-resumable', 'cache-control', ...names)
}

function done(content: Json): Json {
  return { 200: { description: 'Done.', headers: answerHeaders('x-request-id'), content } }
}

/** To be filled for each stream of the table; the rows have paths of their own below. */
function detailsOf(
  book: SchemaBook,
): Readonly<Record<Exclude<ServiceStream, 'rows'>, StreamDetails>> {
  return {
    readAsset: {
      parameters: conditions,
      answers: payload,
      statuses: [404, 409, 416],
      head: true,
    },
    readObject: {
      parameters: [query('version', 'Default: the latest.'), ...conditions],
      answers: payload,
      statuses: [404, 409, 416],
      head: true,
    },
    writeObject: {
      parameters: [
        query('version', 'Default: the next one, or the only one where a mount keeps no versions.'),
        query('on_conflict', 'What to do where the version exists; default: refuse with 409.', {
          type: 'string',
          enum: ['skip', 'overwrite'],
        }),
        requestHeader(
          wireHeaders.objectMetadata,
          'Metadata of the object: a JSON object, percent-encoded.',
        ),
      ],
      body: { '*/*': {} },
      answers: done(
        json({
          type: 'object',
          required: ['storage_ref', 'size_bytes', 'checksum'],
          properties: {
            storage_ref: book.reference(StorageRef, 'answer'),
            size_bytes: { type: 'integer', minimum: 0 },
            checksum: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
          },
        }),
      ),
      statuses: [404, 408, 409, 413, 507],
    },
    ingestGroup: {
      body: { [ingestFramesType]: {} },
      answers: done(json(book.reference(IngestGroupResult, 'answer'))),
      statuses: [404, 408, 409, 413, 422, 507],
    },
    archiveDataset: {
      parameters: [
        { ...query('dataset_name', 'The name of a dataset.'), required: true },
        { ...query('version', 'One of its versions.'), required: true },
        query('payloads', 'Whether the bytes come along.', { type: 'boolean', default: true }),
      ],
      answers: archive,
      statuses: [404],
      head: true,
    },
    archiveAssets: {
      body: json(book.reference(AssetArchiveInput, 'request')),
      bodyOptional: true,
      answers: archive,
      statuses: [408, 413, 422],
    },
    archiveObjects: {
      body: json(book.reference(ObjectArchiveInput, 'request')),
      answers: archive,
      statuses: [404, 408, 413, 422],
    },
    appendUpload: {
      parameters: [
        tusVersion,
        {
          ...requestHeader('upload-offset', 'Bytes that have arrived.'),
          required: true,
          schema: { type: 'integer', minimum: 0 },
        },
        uploadChecksum,
      ],
      body: { 'application/offset+octet-stream': {} },
      answers: {
        204: { description: 'Appended.', headers: uploadHeaders('upload-offset') },
        460: {
          description: 'The checksum is another; nothing was appended.',
          headers: uploadHeaders(),
          content: json({ $ref: '#/components/schemas/Failure' }),
        },
      },
      statuses: [404, 408, 409, 410, 412, 413, 415, 507],
    },
    beginUpload: {
      parameters: [
        tusVersion,
        {
          ...requestHeader('upload-length', 'Bytes of the whole.'),
          required: true,
          schema: { type: 'integer', minimum: 0 },
        },
        {
          ...requestHeader('upload-metadata', 'Pairs of a key and a value in base64.'),
          required: true,
        },
        uploadChecksum,
      ],
      answers: {
        201: {
          description: 'Begun, and as much of the body appended as `upload-offset` says.',
          headers: uploadHeaders('location', 'upload-expires', 'upload-offset'),
        },
        460: {
          description: 'Begun, but the checksum of the body is another.',
          headers: uploadHeaders('location', 'upload-expires'),
        },
      },
      statuses: [404, 408, 409, 412, 413, 422, 507],
    },
    uploadOffset: {
      parameters: [tusVersion],
      answers: {
        200: {
          description: 'How far it is.',
          headers: uploadHeaders(
            'upload-offset',
            'upload-length',
            'upload-expires',
            'upload-metadata',
          ),
        },
      },
      statuses: [404, 409, 410, 412, 422],
    },
    abortUpload: {
      parameters: [tusVersion],
      answers: { 204: { description: 'Given up.', headers: uploadHeaders() } },
      statuses: [404, 409, 410, 412, 422],
    },
    thumbnail: {
      parameters: [
        query('width', 'In pixels; what is out of bounds becomes the nearest bound.', {
          type: 'integer',
          minimum: 0,
          maximum: 999_999,
          default: 320,
        }),
        ifNoneMatch,
      ],
      answers: {
        200: {
          description: 'The picture. Where none can be made, the payload itself.',
          headers: answerHeaders('x-request-id', 'etag', 'content-length', 'cache-control', 'vary'),
          content: { 'image/webp': {}, 'image/jpeg': {}, 'image/*': {} },
        },
        206: {
          description:
            'A part of the payload, where no picture can be made and a range was asked for.',
          headers: answerHeaders('x-request-id', 'etag', 'content-length', 'content-range'),
          content: { 'image/*': {} },
        },
        ...unchanged,
      },
      statuses: [404, 409, 413, 416],
      head: true,
    },
    events: {
      parameters: [
        {
          ...query('task', 'Tasks, streams or families of tasks, as `assets`. Default: all.', {
            type: 'array',
            items: text,
          }),
          explode: true,
        },
        requestHeader('last-event-id', 'The id of the last event that the caller had.'),
      ],
      answers: {
        200: {
          description:
            'Events, until the caller leaves, takes too few of them, or ten minutes are over.',
          headers: answerHeaders('x-request-id', 'cache-control'),
          content: { 'text/event-stream': { schema: text } },
        },
      },
      statuses: [],
    },
    download: {
      parameters: conditions,
      answers: payload,
      statuses: [403, 404, 416],
      head: true,
      open: true,
    },
  }
}

/**
 * The paths of a stream with their operations: the one of the table, and HEAD where that is served too.
 *
 * @throws {@link Error} for a stream that nobody has described here.
 */
export function streamPaths(name: ServiceStream, route: StreamRoute, book: SchemaBook): Json {
  if (name === 'rows') return rowPaths(route, book)
  const details = detailsOf(book)[name]
  if (details === undefined) throw new Error(`openapi/streams.ts does not describe ${name}`)
  const { parameters = [], body, head = false, open = false } = details
  const operation = {
    operationId: operationId(name),
    summary: route.summary,
    tags: [tag],
    // A signed address is a key of its own.
    ...(open ? { security: [] } : {}),
    parameters: [...pathParameters(route.path), ...parameters],
    ...(body === undefined
      ? {}
      : { requestBody: { required: !details.bodyOptional, content: body } }),
    responses: {
      ...details.answers,
      ...failures(400, ...details.statuses, ...(open ? always : admission), ...ofTheLake),
    },
  }
  const operations: Record<string, Json> = { [route.method.toLowerCase()]: operation }
  if (head) operations.head = headOf(operation)
  return { [route.path.replaceAll('+}', '}')]: operations }
}

const tag = 'streams (v1)'

/** One path for each task whose rows can be had: their inputs differ. */
function rowPaths({ path, summary }: StreamRoute, book: SchemaBook): Json {
  return Object.fromEntries(
    rowTasks.map((task) => {
      const { input, statuses } = allTasks[task]
      const operation = {
        operationId: `rows_${operationId(task)}`,
        summary: `${summary} This is for ${task}: \`limit\` is of the whole stream, and null is all.`,
        tags: [tag],
        // Without one it is all rows, where nothing must be named.
        requestBody: {
          required: !input.safeParse({}).success,
          content: json(book.reference(input, 'request')),
        },
        responses: {
          200: {
            description: 'The rows, one a line.',
            headers: answerHeaders('x-request-id'),
            content: { [rowLinesType]: {} },
          },
          ...failures(400, 408, 413, 422, ...statuses, ...admission, ...ofTheLake),
        },
      }
      return [path.replace('{task}', task), { post: operation }]
    }),
  )
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)(\+?)\}/g)].map(([, name = '', slashes]) => ({
    name,
    in: 'path',
    required: true,
    description:
      slashes === '+' ? 'May hold slashes, which are not escaped.' : (meanings[name] ?? 'An id.'),
    schema: { type: 'string', minLength: 1 },
  }))
}

const meanings: Readonly<Record<string, string>> = {
  mount: 'The name of a mount; `-` is the default one when writing.',
  token: 'What `downloads.sign` gave.',
  asset_id: 'The id of an asset.',
  upload: 'The last part of the address that beginning an upload gave.',
  session_id: 'The id that `ingest.begin` gave.',
  task: 'A page task, as `assets.list_page`.',
}

/** HEAD beside a GET: failures say what they are by their headers, and a range is not looked at. */
function headOf(get: Json): Json {
  const { requestBody: _body, ...same } = get
  const responses = Object.entries(get.responses as Json)
    .filter(([status]) => status !== '206' && status !== '416')
    .map(([status, answer]) => [status, withoutBody(answer as Json)])
  return {
    ...same,
    operationId: `${get.operationId}_head`,
    summary: `The headers alone. ${get.summary}`,
    responses: Object.fromEntries(responses),
  }
}

function withoutBody({ content: _content, ...rest }: Json): Json {
  return rest
}
