import {
  type ByteRange,
  encodeIngestFrames,
  IngestGroupResult,
  ingestFramesType,
  type LakeStreams,
  type PayloadRead,
  parse,
  type ReadOptions,
  StorageRef,
  type WrittenObject,
} from '@mindtrace/contract'
import { type ByteStream, type CallOptions, MindtraceError } from '@mindtrace/core'
import { withAnnouncedHashes } from './announced-hashes.ts'
import { httpArchives } from './http-archives.ts'
import { bodyError } from './http-errors.ts'
import { httpRows } from './http-rows.ts'
import type { HttpTransport } from './http-transport.ts'
import { type BodyCheck, wholeBody } from './whole-body.ts'
import { decodeHeader, encodeHeader, encodeSegment, objectPath, wireHeaders } from './wire.ts'

/** The streams of a lake over HTTP. Bodies flow as they are read, in either direction. */
export function createHttpStreams(transport: HttpTransport, trustOutputs: boolean): LakeStreams {
  return {
    readAsset: (assetId, options) =>
      read(transport, `asset ${assetId}`, `/v1/assets/${encodeSegment(assetId)}/payload`, options),

    readObject: ({ mount, name, version }, options) =>
      read(
        transport,
        `object ${mount}/${name}`,
        `${objectPath(mount, name)}${query({ version })}`,
        options,
      ),

    async writeObject(request, body, options = {}): Promise<WrittenObject> {
      const { mount, name, version, onConflict, metadata, mediaType } = request
      const headers: Record<string, string> = {
        'content-type': mediaType ?? 'application/octet-stream',
      }
      if (metadata !== undefined) headers[wireHeaders.objectMetadata] = encodeHeader(metadata)
      return send(transport, body, {
        what: `object ${name}`,
        method: 'PUT',
        path: `${objectPath(mount, name)}${query({ version, on_conflict: onConflict })}`,
        headers,
        signal: options.signal,
      }) as Promise<WrittenObject>
    },

    async ingestGroup(sessionId, items, options = {}) {
      const result = await send(transport, encodeIngestFrames(withAnnouncedHashes(items)), {
        what: `ingest ${sessionId}`,
        method: 'POST',
        path: `/v1/ingest/${encodeSegment(sessionId)}/groups`,
        headers: { 'content-type': ingestFramesType },
        signal: options.signal,
      })
      return parse(IngestGroupResult, result, `the result of ingest ${sessionId}`)
    },

    appendUpload: ({ upload_session_id, finalize_token }, offset, body, options = {}) =>
      send(
        transport,
        body,
        {
          what: `upload session ${upload_session_id}`,
          method: 'PATCH',
          path: `/v1/tus/${encodeSegment(`${upload_session_id}.${finalize_token}`)}`,
          headers: {
            'content-type': 'application/offset+octet-stream',
            'tus-resumable': '1.0.0',
            'upload-offset': String(offset),
          },
          signal: options.signal,
        },
        ({ headers }) => ({ offset: Number(headers.get('upload-offset')) }),
      ),

    rows: httpRows(transport, trustOutputs),
    ...httpArchives(transport),
  }
}

function query(parameters: Readonly<Record<string, string | null | undefined>>): string {
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

interface StreamRequest extends CallOptions {
  readonly what: string
  readonly method: 'PUT' | 'POST' | 'PATCH'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends a body; a failure of its source is thrown as it is, not as one of the connection. */
async function send<Result = unknown>(
  transport: HttpTransport,
  body: Uint8Array<ArrayBuffer> | ByteStream,
  request: StreamRequest,
  read: (response: Response) => Promise<Result> | Result = (response) =>
    response.json() as Promise<Result>,
): Promise<Result> {
  if (body instanceof Uint8Array) {
    return transport.request({ ...request, body, repeatable: false, timeoutMs: 0 }, read)
  }
  const source = watched(body)
  try {
    return await transport.request(
      { ...request, body: source.stream, repeatable: false, timeoutMs: 0 },
      read,
    )
  } catch (error) {
    if (source.failure !== undefined) throw source.failure.reason
    throw error
  } finally {
    await source.cancel()
  }
}

/** A stream that is being sent: it tells what it failed with, and is cancelled when nobody reads on. */
interface Watched {
  readonly stream: ByteStream
  readonly failure: { readonly reason: unknown } | undefined
  cancel(): Promise<void>
}

function watched(body: ByteStream): Watched {
  const reader = body.getReader()
  let failure: Watched['failure']
  let state: 'open' | 'ended' | 'cancelled' = 'open'
  const cancel = async () => {
    if (state !== 'open') return
    state = 'cancelled'
    await reader.cancel().catch(() => {})
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await reader.read()
          if (!next.done) return controller.enqueue(next.value)
          // Ended in good order, a body that was given up would look like a short but whole one.
          if (state === 'cancelled') throw new Error('the body was given up')
          state = 'ended'
          controller.close()
        } catch (reason) {
          if (state === 'open') failure = { reason }
          state = 'ended'
          controller.error(reason)
        }
      },
      cancel,
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    get failure() {
      return failure
    },
    cancel,
  }
}

async function read(
  transport: HttpTransport,
  what: string,
  path: string,
  options: ReadOptions = {},
): Promise<PayloadRead> {
  const { range, signal } = options
  return transport.request(
    {
      what,
      method: 'GET',
      path,
      headers: range === undefined ? {} : { range: rangeHeader(range) },
      repeatable: true,
      signal,
    },
    (response) => payloadOf(response, what, options),
  )
}

function rangeHeader({ start, end }: ByteRange): string {
  return `bytes=${start}-${end ?? ''}`
}

function payloadOf(response: Response, what: string, options: ReadOptions): PayloadRead {
  const { range, signal } = options
  const { headers } = response
  const ref = StorageRef.safeParse(decodeHeader(headers.get(wireHeaders.storageRef)))
  const contentRange = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '')
  const length = Number(headers.get('content-length'))
  if (!ref.success || response.body === null || (contentRange === null) !== (range === undefined)) {
    throw new MindtraceError(
      'CORRUPT',
      `${what}: the answer is no payload; is there a Mindtrace service at this address?`,
    )
  }
  const part =
    contentRange === null ? null : { start: Number(contentRange[1]), end: Number(contentRange[2]) }
  const expected = part === null ? length : part.end - part.start + 1
  return {
    body: wholeBody(response.body, sizeOf(expected), (error) => bodyError(error, what, signal)),
    sizeBytes: contentRange === null ? length : Number(contentRange[3]),
    range: part,
    mediaType: headers.get('content-type') ?? 'application/octet-stream',
    etag: (headers.get('etag') ?? '').replace(/^"|"$/g, ''),
    storageRef: ref.data,
  }
}

/** Whether so many bytes have come. */
function sizeOf(expected: number): BodyCheck {
  let received = 0
  return {
    update: (chunk) => {
      received += chunk.byteLength
    },
    missing: () => (received === expected ? undefined : `${received} of ${expected} bytes came`),
  }
}
