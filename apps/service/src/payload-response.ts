import { encodeHeader, wireHeaders } from '@mindtrace/client'
import { type ByteRange, errorCodeHeader, type PayloadRead } from '@mindtrace/contract'
import { isMindtraceError, type Logger } from '@mindtrace/core'
import type { Context } from 'hono'
import { matchesEtag, parseRangeHeader } from './byte-range.ts'
import { sentResponse } from './send-payload.ts'

/** Opens the payload: the whole, or a part. */
export type OpenPayload = (range?: ByteRange) => Promise<PayloadRead>

/** How a signed address wants its payload. */
export interface SignedShape {
  readonly mediaType: string
  /** As it was asked for, unchecked. */
  readonly disposition: string | null
}

/** Stored HTML or SVG must not run scripts with the rights of this origin. */
const payloadPolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

/**
 * Answers GET or HEAD with a payload: conditional requests, one range, and the headers that make
 * foreign bytes harmless in a browser. The body flows as the client reads; when it goes, the source is
 * cancelled.
 */
export async function payloadResponse(
  context: Context,
  log: Logger,
  open: OpenPayload,
  signed?: SignedShape,
): Promise<Response> {
  const request = context.req.raw
  const isHead = context.req.method === 'HEAD'
  const range = isHead ? null : parseRangeHeader(request.headers.get('range'))
  const ifRange = request.headers.get('if-range')
  // A plain range is opened as such at once; anything else has to know tag or size first.
  const direct = range !== null && 'start' in range && ifRange === null
  let read: PayloadRead
  try {
    read = await open(direct ? range : undefined)
  } catch (error) {
    if (!isMindtraceError(error, 'RANGE_NOT_SATISFIABLE')) throw error
    read = await open()
    return unsatisfiable(read)
  }
  const etag = etagOf(read)
  if (matchesEtag(request.headers.get('if-none-match'), etag)) {
    return withoutBody(read, 304, { etag, 'cache-control': 'private, no-cache' })
  }
  if (range !== null && !direct && (ifRange === null || ifRange.trim() === etag)) {
    const wanted = 'start' in range ? range : suffixRange(range.suffix, read.sizeBytes)
    if (wanted === null || wanted.start >= read.sizeBytes) return unsatisfiable(read)
    await read.body.cancel()
    read = await open(wanted)
  }
  const headers = { ...payloadHeaders(read, etag), ...signedHeaders(read, signed) }
  if (isHead) return withoutBody(read, 200, headers)
  const status = read.range === null ? 200 : 206
  return sentResponse(context, log, { status, headers }, read.body)
}

function suffixRange(suffix: number, sizeBytes: number): ByteRange | null {
  return suffix === 0 ? null : { start: Math.max(0, sizeBytes - suffix) }
}

async function unsatisfiable(read: PayloadRead): Promise<Response> {
  return withoutBody(read, 416, {
    'content-range': `bytes */${read.sizeBytes}`,
    [errorCodeHeader]: 'RANGE_NOT_SATISFIABLE',
  })
}

async function withoutBody(
  read: PayloadRead,
  status: number,
  headers: Record<string, string>,
): Promise<Response> {
  await read.body.cancel()
  return new Response(null, { status, headers })
}

/** A strong entity tag; characters that it may not hold are left out. */
function etagOf({ etag }: PayloadRead): string {
  return `"${etag.replace(/[^\x21\x23-\x7e]/g, '')}"`
}

function payloadHeaders(read: PayloadRead, etag: string): Record<string, string> {
  const { mount, name, version } = read.storageRef
  const length = read.range === null ? read.sizeBytes : read.range.end - read.range.start + 1
  const headers: Record<string, string> = {
    'content-type': safeMediaType(read.mediaType),
    'content-length': String(length),
    'content-disposition': contentDisposition(name, read.mediaType),
    'content-security-policy': payloadPolicy,
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
    etag,
    [wireHeaders.storageRef]: encodeHeader({ mount, name, version }),
  }
  if (read.range !== null) {
    headers['content-range'] = `bytes ${read.range.start}-${read.range.end}/${read.sizeBytes}`
  }
  return headers
}

/**
 * Types that browsers show without running or resolving anything. Others are saved, whatever was asked for,
 * since the address is one of this origin.
 */
const shown =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp|tiff)|(?:audio|video)\/[\w.+-]+|text\/plain|application\/(?:json|octet-stream))(?:\s*;|$)/i

/** A signed address may be used in pages of other origins, as one of a store may. */
function signedHeaders(
  { storageRef }: PayloadRead,
  signed: SignedShape | undefined,
): Record<string, string> {
  if (signed === undefined) return {}
  const asked = signed.disposition ?? 'inline'
  const isInline = /^\s*inline\b/i.test(asked) && shown.test(signed.mediaType)
  const name = fileNameIn(asked) ?? storageRef.name
  return {
    'content-type': safeMediaType(signed.mediaType),
    'content-disposition': disposition(isInline ? 'inline' : 'attachment', name),
    'cross-origin-resource-policy': 'cross-origin',
    'referrer-policy': 'no-referrer',
  }
}

/** The file name in a Content-Disposition that somebody wrote. */
function fileNameIn(text: string): string | undefined {
  const extended = /;\s*filename\*\s*=\s*utf-8'[\w-]*'([^;\s]+)/i.exec(text)?.[1]
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended)
    } catch {
      // The plain one may do.
    }
  }
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(text)
  return plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]
}

const mediaType =
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;\s*[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[^"\\\r\n]*"))*$/

function safeMediaType(text: string): string {
  return mediaType.test(text) ? text : 'application/octet-stream'
}

/** Images are shown, everything else is saved, under the last part of its name. */
function contentDisposition(name: string, type: string): string {
  return disposition(type.startsWith('image/') ? 'inline' : 'attachment', name)
}

/** A Content-Disposition whose file name can hold nothing but a name. */
function disposition(kind: 'inline' | 'attachment', name: string): string {
  const last = name.split('/').pop() ?? ''
  const plain = last.replace(/[^\w.-]+/g, '_').slice(-100) || 'payload'
  const encoded = encodeURIComponent(last.slice(-100).toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`
}
