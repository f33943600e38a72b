import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger } from '@mindtrace/core'
import type { RequestSpan } from './tracing.ts'

/** What is known of the request under way. */
export interface RequestContext {
  /** As in the header `x-request-id` of its answer. */
  readonly requestId: string
  /** Its span, where traces are recorded. */
  readonly span: RequestSpan | undefined
}

/** Carries the request through all that is done for it. */
export type RequestContexts = AsyncLocalStorage<RequestContext>

/** A carrier. A service and its lake share one. */
export function createRequestContexts(): RequestContexts {
  return new AsyncLocalStorage<RequestContext>()
}

/** The log, with the id of the request, and of its trace, in every line that is written for one. */
export function requestScopedLog(log: Logger, contexts: RequestContexts): Logger {
  const at =
    (level: keyof Logger) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      const context = contexts.getStore()
      if (context === undefined) return log[level](fields, message)
      const { requestId, span } = context
      const trace = span?.traceId === undefined ? {} : { trace_id: span.traceId }
      log[level]({ request_id: requestId, ...trace, ...fields }, message)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
