import { type Logger, silentLogger, type Tracer } from '@mindtrace/core'
import { createRequestContexts, type RequestContexts, requestScopedLog } from './request-context.ts'
import { type Environment, openTracing, type Tracing } from './tracing.ts'
import { packageVersion } from './version.ts'

/** What {@link openTelemetry} takes. */
export interface TelemetryOptions {
  /** Default: says nothing. */
  readonly log?: Logger | undefined
  /** Where OpenTelemetry's variables are. Default: none, so no traces. */
  readonly env?: Environment | undefined
}

/**
 * How a service tells what it does. Give `log` and `tracer` to the lake as well: then its lines and spans belong to
 * the requests that they are for. Disposing sends the last traces.
 */
export interface Telemetry extends AsyncDisposable {
  readonly log: Logger
  /** Undefined where no traces are recorded. */
  readonly tracer: Tracer | undefined
  /** @internal */
  readonly tracing: Tracing | undefined
  /** @internal */
  readonly contexts: RequestContexts
}

/** Opens log and traces. @throws what `openTracing` throws. */
export async function openTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const contexts = createRequestContexts()
  const log = requestScopedLog(options.log ?? silentLogger, contexts)
  const env = options.env ?? {}
  const tracing = await openTracing({ env, contexts, log, version: packageVersion() })
  return {
    log,
    tracer: tracing?.tracer,
    tracing,
    contexts,
    [Symbol.asyncDispose]: async () => await tracing?.[Symbol.asyncDispose](),
  }
}
