import type { ByteStream } from '@mindtrace/core'

/** What {@link wholeBody} asks of every chunk, and at the end. */
export interface BodyCheck {
  update(chunk: Uint8Array): void
  /** What is missing, undefined when nothing is. */
  missing(): string | undefined
}

/** A body of an answer with errors of ours, which also fails when it ends early. */
export function wholeBody(
  body: ByteStream,
  check: BodyCheck,
  translate: (error: unknown) => unknown,
): ByteStream {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await reader.read()
          if (!next.done) {
            check.update(next.value)
            controller.enqueue(next.value)
            return
          }
          const missing = check.missing()
          if (missing !== undefined) throw new Error(missing)
          controller.close()
        } catch (error) {
          controller.error(translate(error))
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
