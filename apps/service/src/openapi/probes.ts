import { answerHeaders, failures, json } from './answers.ts'
import type { Json } from './json.ts'
import { admission, always } from './operation.ts'

const word: Json = { type: 'string' }

function object(properties: Json): Json {
  return { type: 'object', required: Object.keys(properties), properties }
}

function routesOf(names: Json): Json {
  return { type: 'array', items: object({ ...names, path: word, summary: word }) }
}

function get(
  operationId: string,
  summary: string,
  content: Json,
  more: { readonly answers?: Json; readonly keys?: boolean } = {},
): Json {
  return {
    operationId,
    summary,
    tags: ['probes'],
    ...(more.keys === true ? {} : { security: [] }),
    responses: {
      200: { description: 'Done.', headers: answerHeaders('x-request-id'), content },
      ...failures(...(more.keys === true ? admission : always)),
      ...more.answers,
    },
  }
}

/** What is neither a task nor a stream, by its path. All of it is asked for by GET. */
export const probes: Readonly<Record<string, Json>> = {
  '/health': get(
    'probe_health',
    'Says that the process is alive.',
    json(object({ status: { type: 'string', const: 'ok' } })),
  ),
  '/ready': get(
    'probe_ready',
    'Says whether the database and the mounts answer.',
    json(object({ status: { type: 'string', const: 'ready' } })),
    {
      answers: {
        503: {
          description: 'They do not, or not in time; or the service is about to end.',
          headers: answerHeaders('x-request-id'),
          content: json({
            type: 'object',
            required: ['status'],
            properties: {
              status: { type: 'string', enum: ['not ready', 'ending'] },
              code: word,
              parts: { type: 'array', items: object({ part: word, code: word }) },
            },
          }),
        },
      },
    },
  ),
  '/metrics': get(
    'metrics',
    'Tells Prometheus how the service is, where that is switched on.',
    { 'text/plain': { schema: word } },
    { keys: true, answers: failures(404) },
  ),
  '/openapi.json': get('openapi', 'This document.', json({ type: 'object' })),
  '/v1/extensions': get(
    'list_extensions',
    'Lists what the service adds to the tasks of the Python service.',
    json(
      object({
        tasks: routesOf({ name: word, method: word }),
        streams: routesOf({ name: word, method: word }),
      }),
    ),
    { keys: true },
  ),
}
