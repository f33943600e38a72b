import { wireHeaders } from '@mindtrace/client'
import { errorCodeHeader, httpStatus } from '@mindtrace/contract'
import type { Json } from './json.ts'
import { schemaPath } from './schemas.ts'

/** A body of JSON. */
export function json(schema: Json, example?: unknown): Json {
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } }
}

/** What a status means here, by the status. */
const meanings: Readonly<Record<number, string>> = {
  400: 'The request makes no sense, or its body is not UTF-8.',
  401: 'A key is asked for, and none that counts was sent.',
  403: 'The role or the scopes of the key do not allow it, a mount is read only, the setting that it needs is not set, or the service goes by another name than the one it was asked by.',
  404: 'Something that it names does not exist.',
  408: 'The body stopped to arrive.',
  409: 'In conflict with what is there.',
  410: 'The upload is over: given up, failed or expired.',
  412: 'Another version of the protocol is spoken here.',
  413: 'Too large.',
  415: 'A body of another type is expected.',
  416: 'The range starts behind the end.',
  422: 'The body does not fit: one entry for each thing that is wrong.',
  429: 'Too much at once for one key.',
  500: 'An error of the service; its id stands in the log.',
  501: 'This service does not do that.',
  503: 'Database or storage do not answer.',
  504: 'Database or storage took too long.',
  507: 'No space left.',
}

/** References to the answers of these statuses. */
export function failures(...statuses: readonly number[]): Json {
  return Object.fromEntries(
    [...new Set(statuses)].map((status) => {
      if (!(status in meanings)) throw new Error(`nobody says what the status ${status} means`)
      return [status, { $ref: `#/components/responses/Failure${status}` }]
    }),
  )
}

/** The name of a header that answers may have. */
export type AnswerHeader = keyof typeof headers

/** References to the headers of an answer, by their names. */
export function answerHeaders(...names: readonly AnswerHeader[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

const requestId = 'x-request-id'

function header(description: string, schema: Json = { type: 'string' }): Json {
  return { description, schema }
}

/** Headers of answers. */
const headers = {
  [requestId]: header(
    'The id of the request: the one that it brought along, if it is harmless in a log, or a new one. It stands in the log and in the audit log.',
  ),
  [errorCodeHeader]: header('The code of the error.', {
    type: 'string',
    enum: Object.keys(httpStatus),
  }),
  [wireHeaders.errorDetails]: header('What the error tells besides: percent-encoded JSON.'),
  [wireHeaders.storageRef]: header(
    'Where the payload lies, as percent-encoded JSON with `mount`, `name` and `version`.',
  ),
  'accept-ranges': header('Always `bytes`.'),
  'cache-control': header('Whether and how long it may be kept.'),
  'content-disposition': header('Under which name a browser saves it.'),
  'content-length': header('Bytes that follow.', { type: 'integer', minimum: 0 }),
  'content-range': header('Which part of the whole it is: `bytes 0-99/1234`.'),
  etag: header('Changes with the bytes.'),
  'retry-after': header('Seconds after which it may be tried again.', { type: 'integer' }),
  location: header('Where to go on.'),
  'tus-resumable': header('Always `1.0.0`.'),
  'upload-expires': header('When the upload is over.'),
  'upload-length': header('Bytes of the whole.', { type: 'integer', minimum: 0 }),
  'upload-metadata': header('Pairs of a key and a value in base64, separated by commas.'),
  'upload-offset': header('Bytes that have arrived.', { type: 'integer', minimum: 0 }),
  vary: header('What of the request the answer depends on.'),
  'www-authenticate': header('How to send a key.'),
} as const satisfies Record<string, Json>

const more: Readonly<Record<number, readonly (keyof typeof headers)[]>> = {
  401: ['www-authenticate'],
  429: ['retry-after'],
}

function failure(status: number): Json {
  const description = meanings[status]
  // Written past the application, as the handler still waits for the body.
  if (status === 408) return { description }
  if (status === 416) {
    return { description, headers: answerHeaders(requestId, errorCodeHeader, 'content-range') }
  }
  const schema = { $ref: `${schemaPath}${status === 422 ? 'HTTPValidationError' : 'Failure'}` }
  return {
    description,
    headers: answerHeaders(
      requestId,
      errorCodeHeader,
      wireHeaders.errorDetails,
      ...(more[status] ?? []),
    ),
    content: json(schema),
  }
}

/** What all operations share: their failures, headers, and the schemas of those. */
export const sharedComponents = {
  responses: Object.fromEntries(
    Object.keys(meanings).map((status) => [`Failure${status}`, failure(Number(status))]),
  ),
  headers,
  schemas: {
    Failure: {
      type: 'object',
      required: ['detail'],
      properties: {
        detail: {
          description: 'What went wrong: a text, or an object with `code` and `message`.',
          anyOf: [{ type: 'string' }, { type: 'object' }],
        },
      },
    },
    HTTPValidationError: {
      type: 'object',
      required: ['detail'],
      properties: {
        detail: { type: 'array', items: { $ref: `${schemaPath}ValidationError` } },
      },
    },
    ValidationError: {
      type: 'object',
      required: ['type', 'loc', 'msg', 'input'],
      properties: {
        type: { type: 'string', description: 'A word for programs, as `missing`.' },
        loc: {
          type: 'array',
          description: 'The way to it: `body`, then names and positions.',
          items: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        },
        msg: { type: 'string', description: 'A sentence for people.' },
        input: { description: 'What was sent there; cut if it is long.' },
        ctx: { type: 'object', description: 'The bounds or words that it should have kept to.' },
      },
    },
  },
} as const
