import { mongoPlace } from '@mindtrace/database/testing'
import { describe, expect, test } from 'vitest'
import { backEnds } from '../access/served-lake.ts'
import { startCollector } from './collector.ts'
import { serveProcess, until } from './served-process.ts'

const mongodb = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

const post = (
  address: string,
  task: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) =>
  fetch(`${address}/${task}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

describe.each(backEnds.filter(([, , missing]) => !missing))('traces on %s', (_name, kind) => {
  test('go to the collector that the variables name: a span for each request, below it those of database and mounts', async () => {
    await using collector = await startCollector()
    await using place = kind === 'mongodb' ? mongoPlace(mongodb) : undefined
    await using served = await serveProcess({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=lake',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_BSP_SCHEDULE_DELAY: '100',
        ...(place === undefined ? {} : { MINDTRACE_DATABASE: place.address }),
      },
    })
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const stored = await post(
      served.address,
      'assets.create_from_object',
      {
        name: 'secret-name',
        data_base64: 'c2VjcmV0LWJ5dGVz',
        kind: 'image',
        media_type: 'image/png',
      },
      { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-request-id': 'mine' },
    )
    expect(stored.status).toBe(200)
    expect((await post(served.address, 'assets.get', { id: 'secret-id' })).status).toBe(404)
    await until(
      () =>
        collector.requests.length > 0 &&
        collector.spans().some(({ name }) => name === 'assets.get'),
    )
    const spans = collector.spans()
    const request = spans.find(({ name }) => name === 'assets.create_from_object')
    expect(request).toMatchObject({
      traceId,
      parentSpanId: 'b7ad6b7169203331',
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'mindtrace.task': 'assets.create_from_object',
        'mindtrace.request_id': 'mine',
      },
      resource: { 'service.name': 'mindtrace', 'deployment.environment.name': 'test' },
    })
    const below = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId)
    expect(below.every((span) => span.traceId === traceId && span.kind === 3)).toBe(true)
    const system = kind === 'mongodb' ? 'mongodb' : 'sqlite'
    expect(
      below.some(
        ({ attributes }) =>
          attributes['db.system.name'] === system && attributes['db.collection.name'] !== undefined,
      ),
    ).toBe(true)
    expect(
      below.some(
        ({ name, attributes }) =>
          name.startsWith('mount ') && attributes['mindtrace.mount'] === 'main',
      ),
    ).toBe(true)
    // Another trace, since its caller named none.
    const missing = spans.find(({ name }) => name === 'assets.get')
    expect(missing?.traceId).not.toBe(traceId)
    expect(missing?.attributes['http.response.status_code']).toBe(404)
    expect(collector.requests[0]?.headers['x-tenant']).toBe('lake')
    const everything = collector.requests.map(({ body }) => body.toString()).join('\n')
    for (const secret of ['secret-name', 'c2VjcmV0LWJ5dGVz', 'secret-bytes', 'secret-id']) {
      expect(everything).not.toContain(secret)
    }
    // Logs lead to traces.
    await until(() =>
      served.lines().some((line) => line.includes('"path":"/assets.create_from_object"')),
    )
    const line =
      served.lines().find((one) => one.includes('"path":"/assets.create_from_object"')) ?? ''
    expect(JSON.parse(line)).toMatchObject({ request_id: 'mine', trace_id: traceId })
  }, 120_000)
})

test('are sent as protobuf by default, and the last ones at the end', async () => {
  await using collector = await startCollector()
  await using served = await serveProcess({
    env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.address}/v1/traces` },
  })
  await post(served.address, 'summary', {})
  served.kill('SIGTERM')
  expect(await served.finished).toMatchObject({ code: 0 })
  const [sent] = collector.requests
  expect(sent?.headers['content-type']).toBe('application/x-protobuf')
  expect(sent?.body.includes(Buffer.from('mindtrace.request_id'))).toBe(true)
}, 60_000)

test('a collector that does not answer costs a line in the log, and no request', async () => {
  await using served = await serveProcess({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:hunter2@127.0.0.1:9',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    },
  })
  expect((await post(served.address, 'summary', {})).status).toBe(200)
  await until(() => served.lines().some((line) => line.includes('traces could not be sent')))
  expect(served.lines().join('\n')).not.toContain('hunter2')
  served.kill('SIGTERM')
  expect(await served.finished).toMatchObject({ code: 0 })
}, 60_000)

test('without the variables nothing of OpenTelemetry is loaded', async () => {
  const tell = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      if (specifier.startsWith('@opentelemetry/')) console.error('LOADED ' + specifier)
      return next(specifier, context)
    } })`
  const options = `--import=data:text/javascript,${encodeURIComponent(tell)}`
  await using collector = await startCollector()
  await using plain = await serveProcess({ env: { NODE_OPTIONS: options } })
  await using traced = await serveProcess({
    env: { NODE_OPTIONS: options, OTEL_EXPORTER_OTLP_ENDPOINT: collector.address },
  })
  const loaded = async (served: typeof plain) => {
    expect((await post(served.address, 'summary', {})).status).toBe(200)
    return served.lines().some((line) => line.includes('LOADED'))
  }
  expect([await loaded(plain), await loaded(traced)]).toEqual([false, true])
}, 60_000)
