import type { UploadTicket } from '@mindtrace/contract'
import { isMindtraceError, type Logger, MindtraceError } from '@mindtrace/core'
import type { Context, Hono } from 'hono'
import type { CallerOf } from '../access/admission.ts'
import type { Caller } from '../access/guard.ts'
import { answer } from '../answer.ts'
import { errorResponse, type FailedRequest } from '../error-response.ts'
import { bytesIn } from '../incoming-bytes.ts'
import { jsonResponse } from '../json-response.ts'
import { loggedPath, pathSegments } from '../request-path.ts'
import { checkedBody, checksumAlgorithms } from './checked-body.ts'
import { formatUploadMetadata, parseUploadMetadata, uploadInput } from './metadata.ts'

/** What the routes need. */
interface TusOptions {
  readonly callerOf: CallerOf
  readonly log: Logger
}

const version = '1.0.0'
/** The most that a store takes in parts of 64 MiB, which are held in memory one at a time. */
const maxBytes = 10_000 * 64 * 1024 * 1024
const bodyType = 'application/offset+octet-stream'

const always = { 'tus-resumable': version, 'cache-control': 'no-store' } as const
const offer = {
  ...always,
  'tus-version': version,
  'tus-extension': 'creation,creation-with-upload,expiration,termination,checksum',
  'tus-max-size': String(maxBytes),
  'tus-checksum-algorithm': checksumAlgorithms.join(','),
} as const

/**
 * Uploads that may break off anywhere and go on, by the tus protocol: `POST /v1/tus` begins one, and `HEAD`, `PATCH` and
 * `DELETE` at the address that this gives are the rest. They are upload sessions of the lake, so another process goes on
 * with them, and the last byte makes them an object. The address holds the session's token: who has it may go on.
 *
 * @see https://tus.io/protocols/resumable-upload
 */
export function addTusRoutes(app: Hono, { callerOf, log }: TusOptions): void {
  const route =
    (handle: (context: Context, caller: Caller) => Promise<Response>) =>
    async (context: Context): Promise<Response> =>
      await answer(context, log, async (about) => {
        const request = context.req.raw
        if (request.headers.get('tus-resumable') !== version) {
          return refusal(412, `this service speaks tus ${version}`, { 'tus-version': version })
        }
        try {
          return await handle(context, callerOf(request))
        } catch (error) {
          // The client is gone: that is for the one who answers to say.
          if (request.signal.aborted && !isMindtraceError(error)) throw error
          const path = loggedPath(context.req.path)
          return failure(error, { method: request.method, path, ...about }, log)
        }
      })

  const offered = () => new Response(null, { status: 204, headers: offer })
  app.use('/v1/tus', async (context, next) =>
    context.req.method === 'OPTIONS' ? offered() : await next(),
  )
  app.post('/v1/tus', route(create))

  // Not as routes of their own: what a router answers to GET it also answers to HEAD.
  app.use('/v1/tus/:upload', async (context, next) => {
    switch (methodOf(context)) {
      case 'OPTIONS':
        return offered()
      case 'HEAD':
        return await route(head)(context)
      case 'PATCH':
        return context.req.method === 'PATCH' ? await next() : await route(patch)(context)
      case 'DELETE':
        return context.req.method === 'DELETE' ? await next() : await route(remove)(context)
      default: {
        const allow = 'DELETE, HEAD, OPTIONS, PATCH'
        return jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow })
      }
    }
  })
  app.patch('/v1/tus/:upload', route(patch))
  app.delete('/v1/tus/:upload', route(remove))
}

/** The method that is meant, also by clients behind what lets no other than POST through. */
function methodOf(context: Context): string {
  const { method } = context.req
  const meant = context.req.header('x-http-method-override')
  return method === 'POST' && meant !== undefined ? meant.toUpperCase() : method
}

async function create(context: Context, caller: Caller): Promise<Response> {
  const request = context.req.raw
  caller.ensure('uploads.begin')
  const { headers, signal } = request
  if (headers.has('upload-defer-length')) {
    throw new MindtraceError('INVALID_INPUT', 'say Upload-Length: it can not be told later here')
  }
  const length = wholeNumber(headers, 'upload-length')
  if (length > maxBytes) {
    return refusal(413, `an upload has at most ${maxBytes} bytes`, {
      'tus-max-size': String(maxBytes),
    })
  }
  const input = uploadInput(parseUploadMetadata(headers.get('upload-metadata')), length)
  const hasBody = headers.get('content-type') === bodyType
  const { session } = await caller.call('uploads.begin', input, { signal })
  if (session === null)
    throw new MindtraceError('INTERNAL', 'an upload was begun without a session')
  const { upload_session_id, finalize_token, expires_at } = session
  const answered = {
    ...always,
    location: `/v1/tus/${upload_session_id}.${finalize_token}`,
    'upload-expires': new Date(expires_at).toUTCString(),
  }
  if (!hasBody && length > 0) return new Response(null, { status: 201, headers: answered })
  const body = await checkedBody(bytesIn(context), headers.get('upload-checksum'), signal)
  // It exists all the same, and begins at 0.
  if (body === undefined) return new Response(null, { status: 460, headers: answered })
  const { offset } = await caller.streams.appendUpload(session, 0, body, { signal })
  return new Response(null, {
    status: 201,
    headers: { ...answered, 'upload-offset': String(offset) },
  })
}

async function head(context: Context, caller: Caller): Promise<Response> {
  const { signal } = context.req.raw
  const ticket = ticketOf(context)
  const { session, offset, size_bytes } = await caller.call('uploads.progress', ticket, { signal })
  if (session.status === 'expired' || session.status === 'failed') throw over(session.status)
  // All bytes are there and it is no object yet: whoever completed it was interrupted.
  if (offset === size_bytes && session.status === 'pending') {
    await caller.call('uploads.complete', ticket, { signal })
  }
  return new Response(null, {
    headers: {
      ...always,
      'upload-offset': String(offset),
      'upload-length': String(size_bytes),
      'upload-expires': new Date(session.expires_at).toUTCString(),
      'upload-metadata': formatUploadMetadata({
        name: session.name,
        filetype: session.content_type,
      }),
    },
  })
}

async function patch(context: Context, caller: Caller): Promise<Response> {
  const request = context.req.raw
  caller.ensure('appendUpload')
  const { headers, signal } = request
  if (headers.get('content-type') !== bodyType) {
    return refusal(415, `the body of a PATCH is ${bodyType}`)
  }
  const offset = wholeNumber(headers, 'upload-offset')
  const ticket = ticketOf(context)
  const body = await checkedBody(bytesIn(context), headers.get('upload-checksum'), signal)
  if (body === undefined) return refusal(460, 'the checksum is another; nothing was appended')
  const appended = await caller.streams.appendUpload(ticket, offset, body, { signal })
  return new Response(null, {
    status: 204,
    headers: { ...always, 'upload-offset': String(appended.offset) },
  })
}

async function remove(context: Context, caller: Caller): Promise<Response> {
  await caller.call('uploads.abort', ticketOf(context), { signal: context.req.raw.signal })
  return new Response(null, { status: 204, headers: always })
}

/** @throws `NOT_FOUND` for an address that none gave. */
function ticketOf(context: Context): UploadTicket {
  const [, , upload = ''] = pathSegments(context.req.url)
  const [upload_session_id = '', finalize_token = '', ...more] = upload.split('.')
  if (upload_session_id !== '' && finalize_token !== '' && more.length === 0) {
    return { upload_session_id, finalize_token }
  }
  throw new MindtraceError('NOT_FOUND', 'there is no upload at this address')
}

function wholeNumber(headers: Headers, name: string): number {
  const text = headers.get(name) ?? ''
  const number = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number
  throw new MindtraceError('INVALID_INPUT', `the header ${name} is a whole number from 0 on`)
}

function over(status: string): MindtraceError {
  return new MindtraceError('CONFLICT', `the upload is ${status}; begin a new one`, {
    details: { is_over: true },
  })
}

/** What was thrown, with the status that tells clients to begin a new upload where this one has come to its end. */
function failure(error: unknown, request: FailedRequest, log: Logger): Response {
  const { status, body, headers } = errorResponse(error, request, log)
  const isOver = isMindtraceError(error, 'CONFLICT') && error.details.is_over === true
  for (const [name, value] of Object.entries(always)) headers.set(name, value)
  return new Response(body, { status: isOver ? 410 : status, headers })
}

function refusal(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonResponse({ detail }, status, { ...always, ...headers })
}
