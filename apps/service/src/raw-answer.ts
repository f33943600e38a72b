import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '@mindtrace/core'
import { requestIdOf } from './access/request-id.ts'

/** An answer past Node's response object, with what every answer has, after which the connection is closed. */
export function rawAnswer(
  status: number,
  detail: string,
  headers: Iterable<readonly [string, string]>,
): string {
  const body = JSON.stringify({ detail })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** The most bytes that all headers of a request may have. */
export const maxHeaderBytes = 16 * 1024

/** What Node's parser says of bytes that are no request. Of the bytes nothing is repeated. */
const unreadable: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, `the headers have more than ${maxHeaderBytes} bytes`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of the chunks are too long'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time; send it again'],
}

/** Answers what is no request that could be read. */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  options: {
    readonly headers: Iterable<readonly [string, string]>
    /** Whether an answer is on its way over the connection, into which none may be written. */
    readonly isAnswering: boolean
    readonly log: Logger
  },
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || options.isAnswering) {
    socket.destroy(error)
    return
  }
  const [status, detail] = unreadable[error.code ?? ''] ?? [400, 'this is no HTTP request']
  const requestId = requestIdOf(undefined)
  options.log.debug({ request_id: requestId, status, code: error.code }, 'no request')
  socket.end(rawAnswer(status, detail, [...options.headers, ['x-request-id', requestId]]))
}
