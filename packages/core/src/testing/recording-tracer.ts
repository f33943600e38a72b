import type { SpanAttributes, Tracer } from '../tracer.ts'

/** A span as a test sees it. */
export interface RecordedSpan {
  readonly name: string
  readonly attributes: SpanAttributes
  error: unknown
  ended: boolean
}

/** A tracer that keeps its spans; what ends a span first counts. */
export function recordingTracer(): { readonly spans: RecordedSpan[]; readonly tracer: Tracer } {
  const spans: RecordedSpan[] = []
  const tracer: Tracer = {
    start: (name, attributes = {}) => {
      const span: RecordedSpan = { name, attributes, error: undefined, ended: false }
      spans.push(span)
      return {
        end: (error) => {
          if (span.ended) return
          span.ended = true
          span.error = error
        },
      }
    },
  }
  return { spans, tracer }
}
