import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type ByteStream, LentChunks, type Logger } from '@mindtrace/core'
import type { Context } from 'hono'
import { loggedPath } from './request-path.ts'

/** The head of an answer. */
export interface PayloadHead {
  readonly status: number
  /** Its `content-length` is what has to come, where it has one. */
  readonly headers: Readonly<Record<string, string>>
}

const chunkBytes = 256 * 1024

/**
 * Answers with a payload, sent over the connection itself. A failure in the middle can't become a status any more:
 * it is logged.
 */
export async function sentResponse(
  context: Context,
  log: Logger,
  head: PayloadHead,
  body: ByteStream,
): Promise<Response> {
  const outgoing = (context.env as Partial<HttpBindings> | undefined)?.outgoing as
    | ServerResponse
    | undefined
  // Without a connection of its own, as in tests of routes.
  if (outgoing === undefined) return new Response(body, head)
  try {
    await sendPayload(outgoing, head, body)
  } catch (error) {
    const path = loggedPath(context.req.path)
    log.error({ path, error }, 'a payload broke off while it was sent')
  }
  return RESPONSE_ALREADY_SENT
}

/**
 * Sends a payload over the connection itself. Two pieces of memory take turns: one is filled while the system takes the
 * other, so a reader of any speed costs no more than these. Without them every chunk would be new memory.
 *
 * A failure in the middle can't become a status any more: the connection is broken off, so that the client can't
 * take what came for the whole. It ends well when the client goes away.
 *
 * @throws what the body ends in; the connection is closed then.
 */
async function sendPayload(
  outgoing: ServerResponse,
  { status, headers }: PayloadHead,
  body: ByteStream,
): Promise<void> {
  const chunks = new LentChunks(body, { chunkBytes })
  const isGone = () => outgoing.destroyed || outgoing.closed
  const onClose = () => void chunks.cancel(new Error('the client has gone'))
  outgoing.once('close', onClose)
  let sending: Promise<void> = Promise.resolve()
  const length = headers['content-length']
  let left = length === undefined ? Infinity : Number(length)
  try {
    if (isGone()) return
    outgoing.writeHead(status, headers)
    let sent: ArrayBuffer | undefined
    let free: ArrayBuffer | undefined
    for (;;) {
      const chunk = await chunks.next(free ?? new ArrayBuffer(chunkBytes))
      await sending
      if (chunk === undefined || isGone()) break
      // What checks a body speaks at its end: the last bytes go when it has said that all is well.
      if (chunk.byteLength === left && (await chunks.next(new ArrayBuffer(1))) !== undefined) {
        throw new Error('the payload goes on after its end')
      }
      left -= chunk.byteLength
      free = sent
      sent = chunks.areLent ? (chunk.buffer as ArrayBuffer) : undefined
      sending = written(outgoing, chunk)
    }
    if (isGone()) return
    if (left > 0 && left < Infinity)
      throw new Error(`the payload ended ${left} bytes before its end`)
    outgoing.end()
  } catch (error) {
    // What was good goes out first, the head with it: a client sees a payload that broke off, not a service that is gone.
    await sending
    if (isGone()) return
    if (left > 0) {
      outgoing.flushHeaders()
      await nextTurn()
    }
    outgoing.destroy()
    throw error
  } finally {
    outgoing.off('close', onClose)
    await chunks.cancel()
  }
}

/** Ends when the system has the chunk, or nobody wants it any more. */
function written(outgoing: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      outgoing.off('close', end)
      resolve()
    }
    outgoing.once('close', end)
    outgoing.write(chunk, end)
  })
}
