import type { HttpBindings } from '@hono/node-server'
import { type ByteStream, ChunkRelay, endOf, ReadableChunks, streamOf } from '@mindtrace/core'
import type { Context } from 'hono'

/**
 * The body of a request as a byte stream: what Node made of the network is copied into the memory that the reader
 * brings, and freed at once. It comes no faster than it is read.
 */
export function bytesIn(context: Context): ByteStream {
  const incoming = (context.env as Partial<HttpBindings> | undefined)?.incoming
  if (incoming === undefined) return context.req.raw.body ?? streamOf(new Uint8Array(0))
  const chunks = new ReadableChunks(incoming)
  const relay = new ChunkRelay()
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        const chunk = relay.isEmpty ? await chunks.next() : undefined
        if (chunk !== undefined) relay.hold(chunk)
        if (!relay.isEmpty) return relay.passTo(controller)
        chunks.leave()
        endOf(controller)
      },
      // What has not been read is for the server to deal with, after the answer.
      cancel: () => chunks.leave(),
    },
    { highWaterMark: 0 },
  )
}
