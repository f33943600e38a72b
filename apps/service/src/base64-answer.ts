import type { StreamedPayload } from '@mindtrace/contract'
import { chunksOf, type Logger } from '@mindtrace/core'
import type { Context } from 'hono'
import { jsonHeaders } from './json-response.ts'
import { loggedPath } from './request-path.ts'

/** Payloads up to this are read before the answer begins, so that what is wrong with one is still an error. */
const wholeBytes = 1024 * 1024

/**
 * An answer whose last field, `data_base64`, is a payload: encoded piece by piece as the client takes it, so that neither
 * its bytes nor its text are ever whole in memory. Where reading a large one fails, the connection is broken off.
 *
 * @throws what the body of a small one ends in.
 */
export async function base64Answer(
  output: { readonly data_base64: string },
  { body, sizeBytes }: StreamedPayload,
  { context, log }: { readonly context: Context; readonly log: Logger },
): Promise<Response> {
  const { data_base64: _, ...rest } = output
  const text = JSON.stringify({ ...rest, data_base64: '' })
  const head = Buffer.from(text.slice(0, -2))
  const tail = Buffer.from(text.slice(-2))
  if (sizeBytes <= wholeBytes) {
    const chunks: Uint8Array[] = []
    for await (const chunk of chunksOf(body)) chunks.push(chunk)
    const [first = new Uint8Array(), ...others] = chunks
    const bytes = others.length === 0 ? viewOf(first) : Buffer.concat(chunks)
    const whole = Buffer.concat([head, encoded(bytes), tail])
    return new Response(whole, { headers: jsonHeaders })
  }
  const length = head.length + Math.ceil(sizeBytes / 3) * 4 + tail.length
  return new Response(pieces(head, body, tail, { context, log }), {
    headers: { ...jsonHeaders, 'content-length': String(length) },
  })
}

function pieces(
  head: Uint8Array,
  body: ReadableStream<Uint8Array>,
  tail: Uint8Array,
  { context, log }: { readonly context: Context; readonly log: Logger },
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  /** Up to two bytes that begin a group of three. */
  let begun: Buffer = Buffer.alloc(0)
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(head),
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (done) {
            controller.enqueue(encoded(begun))
            controller.enqueue(tail)
            controller.close()
            return
          }
          const bytes = begun.length === 0 ? viewOf(value) : Buffer.concat([begun, value])
          const last = bytes.length - (bytes.length % 3)
          begun = Buffer.from(bytes.subarray(last))
          controller.enqueue(encoded(bytes.subarray(0, last)))
        } catch (error) {
          log.error(
            { path: loggedPath(context.req.path), error },
            'a payload broke off while it was sent',
          )
          const { outgoing } = (context.env ?? {}) as { outgoing?: { destroy(): void } }
          if (outgoing === undefined) return controller.error(error)
          outgoing.destroy()
          controller.close()
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

function encoded(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64'), 'latin1')
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
