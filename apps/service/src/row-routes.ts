import { decodeHeader, wireHeaders } from '@mindtrace/client'
import {
  encodeRowLines,
  errorCodeHeader,
  type Rows,
  type RowsInput,
  rowLinesType,
  rowTasks,
  type ToldError,
} from '@mindtrace/contract'
import type { ErrorCode, Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import { answer } from './answer.ts'
import { errorResponse, type FailedRequest } from './error-response.ts'
import { jsonResponse } from './json-response.ts'
import { readJsonBody } from './request-body.ts'
import type { StreamRoutesOptions } from './stream-routes.ts'

const headers = {
  'content-type': rowLinesType,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  // For a proxy that would collect the whole before it sends on.
  'x-accel-buffering': 'no',
} as const

/** `POST /v1/rows/<page task>`: the rows of all its pages. */
export function addRowRoutes(
  app: Hono,
  { callerOf, log, jsonBytes = 64 * 1024 * 1024 }: StreamRoutesOptions,
): void {
  for (const name of rowTasks) {
    app.post(`/v1/rows/${name}`, (context) =>
      answer(context, log, async (about) => {
        const request = context.req.raw
        about.task = name
        const caller = callerOf(request)
        caller.ensure(name)
        const body = await readJsonBody(request, jsonBytes, { default: {} })
        about.body = body
        const { signal } = request
        const rows = await begun(
          caller.streams.rows(name, body as RowsInput<typeof name>, { signal }),
        )
        const failed = { method: 'POST', path: context.req.path, ...about }
        return new Response(
          encodeRowLines(rows, (error) => toldError(error, failed, log)),
          { headers },
        )
      }),
    )
    app.all(`/v1/rows/${name}`, () =>
      jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow: 'POST' }),
    )
  }
}

/** The rows when the first is there, so that what is refused has a status of its own. */
async function begun(rows: Rows<object>): Promise<Rows<object>> {
  const iterator = rows[Symbol.asyncIterator]()
  const first = await iterator.next()
  return {
    get cursor() {
      return rows.cursor
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (let next = first; !next.done; next = await iterator.next()) yield next.value
      } finally {
        await iterator.return?.()
      }
    },
  }
}

/** An error as its answer would have told it, had it come first. */
async function toldError(error: unknown, request: FailedRequest, log: Logger): Promise<ToldError> {
  const response = errorResponse(error, request, log)
  const { detail } = (await response.json()) as { readonly detail: unknown }
  return {
    code: response.headers.get(errorCodeHeader) as ErrorCode,
    detail,
    details: decodeHeader(response.headers.get(wireHeaders.errorDetails)),
  }
}
