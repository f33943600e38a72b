import { bytesOf, isMindtraceError, MindtraceError } from '@mindtrace/core'
import { parseFaithfully } from './faithful-json.ts'
import { jsonErrorPosition } from './json-position.ts'

/**
 * The JSON body of a request; undefined when it is empty. The content type is not asked for: clients
 * that forget it mean JSON as well.
 *
 * @throws {@link MindtraceError} `TOO_LARGE` above the limit, before reading on; `INVALID_INPUT` when
 * it is not UTF-8; `VALIDATION_FAILED` when it is not JSON.
 */
export async function readJsonBody(request: Request, limitBytes: number): Promise<unknown> {
  const text = decode(await readBody(request, limitBytes))
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
  if (Number(declared) > limitBytes) {
    throw new MindtraceError(
      'TOO_LARGE',
      `the body has ${declared} bytes, more than the ${limitBytes} that a task takes; stream large payloads to /v1/objects`,
      { details: { limit: limitBytes } },
    )
  }
  return request.arrayBuffer()
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
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
