import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A span as OTLP's JSON tells it. */
export interface CollectedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly kind: number
  readonly status: number
  readonly attributes: Readonly<Record<string, unknown>>
  /** Of the process. */
  readonly resource: Readonly<Record<string, unknown>>
}

/** A receiver of OTLP over HTTP. */
export interface Collector extends AsyncDisposable {
  readonly address: string
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[]
  /** What came as JSON. */
  spans(): CollectedSpan[]
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface TracesData {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: Attribute[] }
    readonly scopeSpans: {
      readonly spans: (Omit<CollectedSpan, 'attributes' | 'status' | 'resource'> & {
        readonly attributes: Attribute[]
        readonly status: { readonly code?: number }
      })[]
    }[]
  }[]
}

const valuesOf = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Starts one on a free port. */
export async function startCollector(): Promise<Collector> {
  const requests: { headers: IncomingHttpHeaders; body: Buffer }[] = []
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const whole = Buffer.concat(chunks)
    const body = incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole
    if (incoming.url === '/v1/traces') requests.push({ headers: incoming.headers, body })
    outgoing.writeHead(incoming.url === '/v1/traces' ? 200 : 404, {
      'content-type': incoming.headers['content-type'],
    })
    outgoing.end(incoming.headers['content-type'] === 'application/json' ? '{}' : undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    spans: () =>
      requests.flatMap(({ body }) =>
        (JSON.parse(body.toString()) as TracesData).resourceSpans.flatMap(
          ({ resource, scopeSpans }) =>
            scopeSpans.flatMap(({ spans }) =>
              spans.map((span) => ({
                ...span,
                parentSpanId: span.parentSpanId ?? '',
                attributes: valuesOf(span.attributes),
                status: span.status.code ?? 0,
                resource: valuesOf(resource.attributes),
              })),
            ),
        ),
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
