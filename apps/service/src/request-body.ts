import type { DecodedPayload } from '@mindtrace/contract'
import { bytesOf, chunksOf, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { parseFaithfully } from './faithful-json.ts'
import { jsonErrorPosition } from './json-position.ts'
import { checkDepth, JsonScanner } from './json-scanner.ts'

/** How large a body may be. */
export interface BodyLimits {
  /** In all. */
  readonly bodyBytes: number
  /** Without what is base64. */
  readonly jsonBytes: number
}

/** What a task was sent. */
export interface TaskBody {
  readonly body?: unknown
  /** What `data_base64` stood for; the body has an empty text there. */
  readonly payload?: DecodedPayload | undefined
}

/** Smaller bodies are read and parsed at one go: that is quicker, and takes no time that anybody notices. */
const smallBytes = 256 * 1024

/**
 * The JSON body of a request; undefined, or the default, when it is empty. The content type is not asked for: clients
 * that forget it mean JSON as well.
 *
 * @throws {@link MindtraceError} `TOO_LARGE` above the limit, before reading on; `INVALID_INPUT` when
 * it is not UTF-8; `VALIDATION_FAILED` when it is not JSON, or nested too deeply.
 */
export async function readJsonBody(
  request: Request,
  limitBytes: number,
  options: { readonly default?: unknown } = {},
): Promise<unknown> {
  const bytes = await readBody(request, limitBytes)
  checkDepth(new Uint8Array(bytes))
  const body = parseBody(bytes)
  return body === undefined ? options.default : body
}

/**
 * The body of a task. Where it carries bytes as base64 they are decoded as they come in, so that neither a body of
 * megabytes nor its text is ever whole in memory, and nobody waits while it is parsed.
 *
 * @throws what {@link readJsonBody} throws.
 */
export async function readTaskBody(
  request: Request,
  { bodyBytes, jsonBytes }: BodyLimits,
  carriesBase64: boolean,
): Promise<TaskBody> {
  const declared = request.headers.get('content-length')
  const isSmall = declared !== null && Number(declared) <= smallBytes
  if (!carriesBase64) return { body: await readJsonBody(request, jsonBytes) }
  if (isSmall || request.body === null) return { body: await readJsonBody(request, bodyBytes) }
  checkDeclared(declared, bodyBytes)
  const scanner = new JsonScanner('data_base64')
  const kept: Uint8Array[] = []
  let size = 0
  let keptSize = 0
  const keep = (chunk: Uint8Array) => {
    for (const part of scanner.push(chunk)) {
      keptSize += part.byteLength
      if (keptSize > jsonBytes) throw tooLarge(`at least ${keptSize}`, jsonBytes)
      kept.push(part)
    }
  }
  // A body without a declared length may turn out to be small.
  let first: Uint8Array[] = []
  for await (const chunk of chunksOf(request.body as ReadableStream<Uint8Array>)) {
    size += chunk.byteLength
    if (size > bodyBytes) throw tooLarge(`at least ${size}`, bodyBytes)
    first.push(chunk)
    if (size <= smallBytes) continue
    for (const part of first) keep(part)
    first = []
  }
  if (size > smallBytes) return { body: parseBody(Buffer.concat(kept)), payload: scanner.payload }
  const bytes = Buffer.concat(first)
  checkDepth(bytes)
  return { body: parseBody(bytes) }
}

function parseBody(bytes: ArrayBuffer | Uint8Array): unknown {
  const text = decode(bytes)
  if (text.trim() === '') return undefined
  try {
    return parseFaithfully(text)
  } catch (cause) {
    if (isMindtraceError(cause)) throw cause
    throw new MindtraceError('VALIDATION_FAILED', 'the body is not JSON', {
      cause,
      details: { detail: [invalidJson(text, cause)] },
    })
  }
}

async function readBody(request: Request, limitBytes: number): Promise<ArrayBuffer> {
  const declared = request.headers.get('content-length')
  if (declared === null) {
    if (request.headers.get('transfer-encoding') === null) return request.arrayBuffer()
    const body = request.body as ReadableStream<Uint8Array> | null
    return body === null ? new ArrayBuffer(0) : (await bytesOf(body, limitBytes)).buffer
  }
  checkDeclared(declared, limitBytes)
  return request.arrayBuffer()
}

function checkDeclared(declared: string | null, limitBytes: number): void {
  if (Number(declared) > limitBytes) throw tooLarge(`${declared}`, limitBytes)
}

function tooLarge(bytes: string, limit: number): MindtraceError {
  return new MindtraceError(
    'TOO_LARGE',
    `the body has ${bytes} bytes, more than the ${limit} that a task takes; stream large payloads to /v1/objects`,
    { details: { limit } },
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', 'the body is not UTF-8', { cause })
  }
}

function invalidJson(text: string, cause: unknown): unknown {
  return {
    type: 'json_invalid',
    loc: ['body', jsonErrorPosition(text)],
    msg: 'JSON decode error',
    input: {},
    ctx: { error: cause instanceof Error ? cause.message : String(cause) },
  }
}
