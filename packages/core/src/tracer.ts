/** What a span may say of itself: never a payload, a secret or a value that somebody stored. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** A piece of work that is being timed. */
export interface Span {
  /** Ends it; with an error it has failed. Further calls do nothing. */
  end(error?: unknown): void
}

/** Times pieces of a request. OpenTelemetry fits behind it. */
export interface Tracer {
  /** Begins a piece of the request under way here; undefined where there is none, or nobody records it. */
  start(name: string, attributes?: SpanAttributes): Span | undefined
}

/** Runs work in a span of its own. */
export async function inSpan<R>(
  tracer: Tracer,
  name: string,
  attributes: SpanAttributes,
  work: () => Promise<R>,
): Promise<R> {
  const span = tracer.start(name, attributes)
  if (span === undefined) return await work()
  try {
    const result = await work()
    span.end()
    return result
  } catch (error) {
    span.end(error)
    throw error
  }
}
