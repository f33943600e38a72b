import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LakeVitals } from '@mindtrace/contract'
import type { Hono } from 'hono'
import type { CallerOf } from './access/admission.ts'
import { requireUnlimited } from './access/principal.ts'
import {
  Histogram,
  type Metric,
  prometheusMediaType,
  prometheusText,
  type Sample,
} from './prometheus-text.ts'
import type { Outcome } from './request-observer.ts'

/** What {@link Metrics} are told of. */
export interface MetricsOptions {
  readonly version: string
  /** How busy the lake is; without it nothing is told of database, mounts and queues. */
  readonly vitals?: LakeVitals | undefined
}

/** From a point read to an export that streams for a minute, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** How long the database may take to tell what is queued; then these numbers are left out. */
const queuesTimeoutMs = 1_000
const lagResolutionMs = 20

/** Numbers of a metric without labels, or with some. */
type Reading = number | Iterable<Sample>

/**
 * What Prometheus reads of one service. A request costs a few additions; everything else is worked out when somebody
 * asks. Disposing stops the clock that measures the event loop.
 */
export class Metrics implements Disposable {
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs })
  readonly #metrics: Metric[] = []
  /** By task, then by outcome: nothing has to be put together to find one. */
  readonly #durations = new Map<string, Map<Outcome, Histogram>>()
  readonly #sockets = new Set<Socket>()
  #underWay = 0
  #received = 0
  #sent = 0

  constructor({ version, vitals }: MetricsOptions) {
    this.#lag.enable()
    this.#addService(version)
    this.#addProcess()
    if (vitals !== undefined) this.#addLake(vitals)
  }

  /** A request has come. */
  began(): void {
    this.#underWay += 1
  }

  /** Its answer is out, or it was broken off. */
  ended(task: string, outcome: Outcome, seconds: number): void {
    this.#underWay -= 1
    let ofTask = this.#durations.get(task)
    if (ofTask === undefined) {
      ofTask = new Map()
      this.#durations.set(task, ofTask)
    }
    let histogram = ofTask.get(outcome)
    if (histogram === undefined) {
      histogram = new Histogram(buckets)
      ofTask.set(outcome, histogram)
    }
    histogram.observe(seconds)
  }

  /** Counts the connections of a server and what goes over them. */
  watch(server: Server): void {
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        this.#received += socket.bytesRead
        this.#sent += socket.bytesWritten
      })
    })
  }

  /** Adds something that goes up and down, and is read when somebody asks. */
  gauge(name: string, help: string, read: () => Reading): void {
    this.#metrics.push({ name, help, type: 'gauge', samples: () => samplesOf(read()) })
  }

  /** Adds something that only grows. */
  counter(name: string, help: string, read: () => Reading): void {
    this.#metrics.push({ name, help, type: 'counter', samples: () => samplesOf(read()) })
  }

  /** All of it, in Prometheus' text. */
  async text(): Promise<string> {
    const text = await prometheusText(this.#metrics)
    // The lag is that since the last look.
    this.#lag.reset()
    return text
  }

  [Symbol.dispose](): void {
    this.#lag.disable()
  }

  #addService(version: string): void {
    const labels = { version, node: process.version }
    this.gauge('mindtrace_info', 'What runs here.', () => [{ labels, value: 1 }])
    const durations = this.#durations
    this.#metrics.push({
      name: 'mindtrace_request_duration_seconds',
      help: 'From the head of a request to the last byte of its answer, by task, stream or page.',
      type: 'histogram',
      samples: () =>
        [...durations].flatMap(([task, ofTask]) =>
          [...ofTask].flatMap(([outcome, histogram]) => [...histogram.samples({ task, outcome })]),
        ),
    })
    this.gauge('mindtrace_requests_in_flight', 'Requests under way.', () => this.#underWay)
    this.gauge('mindtrace_connections', 'Open connections.', () => this.#sockets.size)
    const over = (bytes: 'bytesRead' | 'bytesWritten') =>
      [...this.#sockets].reduce((sum, socket) => sum + socket[bytes], 0)
    this.counter(
      'mindtrace_received_bytes_total',
      'Bytes that came over connections.',
      () => this.#received + over('bytesRead'),
    )
    this.counter(
      'mindtrace_sent_bytes_total',
      'Bytes that went over connections.',
      () => this.#sent + over('bytesWritten'),
    )
  }

  /** Under the names that client libraries of Prometheus give them, where there are some. */
  #addProcess(): void {
    const startedAtSeconds = Date.now() / 1000 - process.uptime()
    this.gauge(
      'process_start_time_seconds',
      'When the process began, in seconds since 1970.',
      () => startedAtSeconds,
    )
    this.gauge('process_resident_memory_bytes', 'Memory of the process.', () =>
      process.memoryUsage.rss(),
    )
    this.counter('process_cpu_seconds_total', 'Processor time of the process.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    this.gauge(
      'nodejs_memory_bytes',
      'Memory by kind: heap in use, heap, outside of the heap, of those array buffers.',
      () => {
        const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
        return [
          { labels: { kind: 'heap_used' }, value: heapUsed },
          { labels: { kind: 'heap_total' }, value: heapTotal },
          { labels: { kind: 'external' }, value: external },
          { labels: { kind: 'array_buffers' }, value: arrayBuffers },
        ]
      },
    )
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000)
    this.gauge(
      'mindtrace_event_loop_lag_seconds',
      'How late the event loop was since the last look, by quantile.',
      () => [
        { labels: { quantile: '0.5' }, value: late(this.#lag.percentile(50)) },
        { labels: { quantile: '0.99' }, value: late(this.#lag.percentile(99)) },
        { labels: { quantile: '1' }, value: late(this.#lag.max) },
      ],
    )
  }

  #addLake(vitals: LakeVitals): void {
    this.gauge(
      'mindtrace_database_waiting',
      'Calls that wait for their turn to write, or for a connection.',
      () => vitals.load().database.waiting,
    )
    this.gauge(
      'mindtrace_database_connections',
      'Connections to the database, by state; a file has none.',
      () => {
        const { connections } = vitals.load().database
        if (connections === undefined) return []
        return [
          { labels: { state: 'open' }, value: connections.open },
          { labels: { state: 'in_use' }, value: connections.inUse },
        ]
      },
    )
    this.counter(
      'mindtrace_mount_bytes_total',
      'Bytes of payloads that this process opened for reading in each mount, and wrote to it.',
      () =>
        Object.entries(vitals.load().mounts).flatMap(([mount, { readBytes, writtenBytes }]) => [
          { labels: { mount, direction: 'read' }, value: readBytes },
          { labels: { mount, direction: 'written' }, value: writtenBytes },
        ]),
    )
    this.#metrics.push({
      name: 'mindtrace_queued',
      help: 'What waits in queues that all processes of the lake share.',
      type: 'gauge',
      samples: async () => {
        try {
          const queues = await vitals.queues({ signal: AbortSignal.timeout(queuesTimeoutMs) })
          return Object.entries(queues).map(([queue, value]) => ({ labels: { queue }, value }))
        } catch {
          // A database that does not answer must not hide all else.
          return []
        }
      },
    })
  }
}

function samplesOf(reading: Reading): Iterable<Sample> {
  return typeof reading === 'number' ? [{ value: reading }] : reading
}

/**
 * `GET /metrics`, for keys without scopes: it tells how much goes on in the whole lake. Where nobody is asked for a
 * key it is open.
 */
export function addMetrics(
  app: Hono,
  { callerOf, metrics }: { readonly callerOf: CallerOf; readonly metrics: Metrics | undefined },
): void {
  if (metrics === undefined) return
  app.get('/metrics', async (context) => {
    requireUnlimited(callerOf(context.req.raw).principal, 'metrics')
    return new Response(await metrics.text(), {
      headers: { 'content-type': prometheusMediaType, 'cache-control': 'no-store' },
    })
  })
}
