import { expect, test } from 'vitest'
import { openTelemetry } from './telemetry.ts'

test('records no traces unless a variable asks for them', async () => {
  for (const env of [
    {},
    { OTEL_SERVICE_NAME: 'lake' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' },
  ]) {
    await using telemetry = await openTelemetry({ env })
    expect([env, telemetry.tracer]).toEqual([env, undefined])
  }
})

test.each([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, "OTEL_TRACES_EXPORTER is 'zipkin'; use otlp or none"],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; use http/protobuf or http/json",
  ],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    "OTEL_TRACES_SAMPLER is 'jaeger_remote'; use always_on",
  ],
  [
    {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '2',
    },
    "OTEL_TRACES_SAMPLER_ARG is '2'; use a number from 0 to 1",
  ],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_MAX_QUEUE_SIZE: 'many' },
    "OTEL_BSP_MAX_QUEUE_SIZE is 'many'; use a whole number from 1",
  ],
])('%j is refused with the remedy', async (env, message) => {
  await expect(openTelemetry({ env: env as Record<string, string> })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(message),
  })
})

test.each(['always_off', 'parentbased_always_off', 'parentbased_traceidratio'])(
  'the sampler %s leaves a request without a trace',
  async (sampler) => {
    const env = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: '0',
    }
    await using telemetry = await openTelemetry({ env })
    const span = telemetry.tracing?.begin({
      method: 'POST',
      route: 'summary',
      requestId: 'request_1',
      headers: {},
    })
    expect(span?.traceId).toBeUndefined()
    const started = telemetry.contexts.run({ requestId: 'request_1', span }, () =>
      telemetry.tracer?.start('find assets'),
    )
    expect(started).toBeUndefined()
    // Whoever calls may want one: the samplers that look at the parent do as it says.
    const asked = telemetry.tracing?.begin({
      method: 'POST',
      route: 'summary',
      requestId: 'request_2',
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    })
    const follows = sampler.startsWith('parentbased')
    expect(asked?.traceId).toBe(follows ? '0af7651916cd43dd8448eb211c80319c' : undefined)
    for (const header of ['junk', '00-0-0-01', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`]) {
      const headers = { traceparent: header }
      const strange = { method: 'GET', route: 'x', requestId: 'r', headers }
      expect(telemetry.tracing?.begin(strange).traceId).toBeUndefined()
    }
  },
)
