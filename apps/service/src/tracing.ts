import type { IncomingHttpHeaders } from 'node:http'
import {
  errorMessage,
  isMindtraceError,
  type Logger,
  MindtraceError,
  type Span,
  systemErrorCode,
  type Tracer,
} from '@mindtrace/core'
import type * as Api from '@opentelemetry/api'
import type { ReadableSpan, Sampler, SpanExporter } from '@opentelemetry/sdk-trace'
import type { RequestContexts } from './request-context.ts'

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The request that a span is of. */
export interface TracedRequest {
  readonly method: string
  readonly route: string
  readonly requestId: string
  /** Where `traceparent` and `tracestate` of the caller are. */
  readonly headers: IncomingHttpHeaders
}

/** The span of a request. */
export interface RequestSpan {
  /** Undefined when nobody records it. */
  readonly traceId: string | undefined
  /** What a {@link Tracer} puts its spans under. */
  readonly parent: Api.Context
  end(status: number): void
}

/** Records traces. Disposing sends what is waiting. */
export interface Tracing extends AsyncDisposable {
  begin(request: TracedRequest): RequestSpan
  /** For what works for a request: the lake. */
  readonly tracer: Tracer
}

/** What {@link openTracing} works with. */
export interface TracingOptions {
  readonly env: Environment
  readonly contexts: RequestContexts
  readonly log: Logger
  readonly version: string
}

const packages =
  '@opentelemetry/api @opentelemetry/core @opentelemetry/resources @opentelemetry/sdk-trace'
const exporters = {
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
  'http/json': '@opentelemetry/exporter-trace-otlp-http',
} as const
/** How long the last spans may take to be sent. */
const endTimeoutMs = 3_000
/** Failures of the collector are told this often. */
const tellEveryMs = 60_000

/**
 * Records traces as OpenTelemetry's usual variables say: `OTEL_TRACES_EXPORTER=otlp`, or an address in
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. Undefined, and nothing loaded, without them.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for a value that is not known, or when OpenTelemetry's packages are
 * not installed.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const { env, contexts, log, version } = options
  if (!isWanted(env)) return undefined
  const protocol = protocolIn(env)
  const { api, core, resources, sdk, exporter } = await load(protocol)
  const { SpanKind, SpanStatusCode, ROOT_CONTEXT, trace, isSpanContextValid } = api
  const resource = resources
    .defaultResource()
    .merge(
      resources.resourceFromAttributes({ 'service.name': 'mindtrace', 'service.version': version }),
    )
    .merge(resources.detectResources({ detectors: [resources.envDetector] }))
  const provider = new sdk.TracerProvider({
    resource,
    sampler: samplerIn(env, sdk),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: telling(exporter, log),
        ...numberIn(env, 'OTEL_BSP_SCHEDULE_DELAY', 'scheduledDelayMillis'),
        ...numberIn(env, 'OTEL_BSP_EXPORT_TIMEOUT', 'exportTimeoutMillis'),
        ...numberIn(env, 'OTEL_BSP_MAX_QUEUE_SIZE', 'maxQueueSize'),
        ...numberIn(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'maxExportBatchSize'),
      }),
    ],
  })
  const otel = provider.getTracer('mindtrace', version)
  const propagator = new core.W3CTraceContextPropagator()
  const getter: Api.TextMapGetter<IncomingHttpHeaders> = {
    keys: (headers) => Object.keys(headers),
    get: (headers, key) => headers[key],
  }

  const finish = (span: Api.Span, error: unknown) => {
    if (error !== undefined) {
      // The code, not the text: that may quote what was sent.
      const type = isMindtraceError(error) ? error.code : 'INTERNAL'
      span.setAttribute('error.type', type)
      span.setStatus({ code: SpanStatusCode.ERROR, message: type })
    }
    span.end()
  }

  return {
    begin: ({ method, route, requestId, headers }) => {
      const caller = propagator.extract(ROOT_CONTEXT, headers, getter)
      const span = otel.startSpan(
        route,
        {
          kind: SpanKind.SERVER,
          attributes: {
            'http.request.method': method,
            'mindtrace.task': route,
            'mindtrace.request_id': requestId,
          },
        },
        caller,
      )
      const { traceId } = span.spanContext()
      return {
        traceId: span.isRecording() ? traceId : undefined,
        parent: trace.setSpan(caller, span),
        end: (status) => {
          span.setAttribute('http.response.status_code', status)
          if (status >= 500) {
            span.setAttribute('error.type', String(status))
            span.setStatus({ code: SpanStatusCode.ERROR })
          }
          span.end()
        },
      }
    },
    tracer: {
      start: (name, attributes): Span | undefined => {
        const parent = contexts.getStore()?.span?.parent
        if (parent === undefined) return undefined
        const above = trace.getSpan(parent)
        if (above?.isRecording() !== true || !isSpanContextValid(above.spanContext())) {
          return undefined
        }
        const kind = SpanKind.CLIENT
        const span = otel.startSpan(name, { kind, attributes: { ...attributes } }, parent)
        let ended = false
        return {
          end: (error) => {
            if (ended) return
            ended = true
            finish(span, error)
          },
        }
      },
    },
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, endTimeoutMs)
      const ended = provider
        .shutdown()
        .catch((error) => log.warn({ error }, 'the last traces could not be sent'))
      await Promise.race([ended, promise])
      clearTimeout(timer)
    },
  }
}

function isWanted(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  const exporter = env.OTEL_TRACES_EXPORTER?.trim() || undefined
  if (exporter === 'none') return false
  if (exporter !== undefined && exporter !== 'otlp') {
    throw new MindtraceError(
      'INVALID_INPUT',
      `OTEL_TRACES_EXPORTER is '${exporter}'; use otlp or none`,
    )
  }
  return (
    exporter === 'otlp' ||
    Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT) ||
    Boolean(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
  )
}

function protocolIn(env: Environment): keyof typeof exporters {
  const protocol =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf'
  if (Object.hasOwn(exporters, protocol)) return protocol as keyof typeof exporters
  throw new MindtraceError(
    'INVALID_INPUT',
    `OTEL_EXPORTER_OTLP_PROTOCOL is '${protocol}'; use http/protobuf or http/json (port 4318 of a collector)`,
  )
}

/** What is loaded when traces are wanted, and not before. */
async function load(protocol: keyof typeof exporters) {
  try {
    const [api, core, resources, sdk, { OTLPTraceExporter }] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/core'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace'),
      protocol === 'http/json'
        ? import('@opentelemetry/exporter-trace-otlp-http')
        : import('@opentelemetry/exporter-trace-otlp-proto'),
    ])
    // Address, headers, time limit, compression and certificates it reads from the variables itself.
    const exporter: SpanExporter = new OTLPTraceExporter()
    return { api, core, resources, sdk, exporter }
  } catch (cause) {
    if (systemErrorCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new MindtraceError(
      'INVALID_INPUT',
      `traces are asked for by OTEL_ variables, but OpenTelemetry is not installed: npm i ${packages} ${exporters[protocol]}, or set OTEL_SDK_DISABLED=true`,
      { cause },
    )
  }
}

type Sdk = typeof import('@opentelemetry/sdk-trace')

/** @throws `INVALID_INPUT` for a sampler that is not known. */
function samplerIn(env: Environment, sdk: Sdk): Sampler {
  const name = env.OTEL_TRACES_SAMPLER || 'parentbased_always_on'
  const ratio = () => {
    const text = env.OTEL_TRACES_SAMPLER_ARG || '1'
    const share = Number(text)
    if (share >= 0 && share <= 1) return new sdk.TraceIdRatioBasedSampler(share)
    throw new MindtraceError(
      'INVALID_INPUT',
      `OTEL_TRACES_SAMPLER_ARG is '${text}'; use a number from 0 to 1`,
    )
  }
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: ratio,
  }
  const rootName = name.replace(/^parentbased_/, '')
  const root = Object.hasOwn(roots, rootName) ? roots[rootName]?.() : undefined
  if (root === undefined) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `OTEL_TRACES_SAMPLER is '${name}'; use always_on, always_off or traceidratio, each also with parentbased_ before it`,
    )
  }
  return name === rootName ? root : new sdk.ParentBasedSampler({ root })
}

function numberIn<Name extends string>(
  env: Environment,
  variable: string,
  name: Name,
): Partial<Record<Name, number>> {
  const text = env[variable]
  if (text === undefined || text === '') return {}
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) {
    return { [name]: number } as Partial<Record<Name, number>>
  }
  throw new MindtraceError('INVALID_INPUT', `${variable} is '${text}'; use a whole number from 1`)
}

/** The exporter, with a line in the log when the collector does not take what it is sent. */
function telling(exporter: SpanExporter, log: Logger): SpanExporter {
  let toldAtMs = Number.NEGATIVE_INFINITY
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined && performance.now() - toldAtMs > tellEveryMs) {
          toldAtMs = performance.now()
          log.warn(
            { spans: spans.length, reason: errorMessage(result.error) },
            'traces could not be sent',
          )
        }
        done(result)
      }),
    forceFlush: async () => await exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}
