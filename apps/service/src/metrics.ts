import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { LakeVitals } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import type { Hono } from 'hono'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CallerOf } from './access/admission.ts'
import { isUnlimited } from './access/principal.ts'
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

/**
 * What Prometheus reads of one service. A request costs two numbers; everything else is worked out when somebody
 * asks. Disposing stops the clock that measures the event loop.
 */
export class Metrics implements Disposable {
  readonly contentType: string
  readonly #registry = new Registry()
  readonly #lag = monitorEventLoopDelay({ resolution: lagResolutionMs })
  readonly #durations: Histogram<'task' | 'outcome'>
  /** Kept, since the library looks its labels up by sorting and joining them. */
  readonly #duration = new Map<string, { observe(seconds: number): void }>()
  readonly #sockets = new Set<Socket>()
  #underWay = 0
  #received = 0
  #sent = 0

  constructor({ version, vitals }: MetricsOptions) {
    this.contentType = this.#registry.contentType
    this.#lag.enable()
    this.#durations = new Histogram({
      name: 'mindtrace_request_duration_seconds',
      help: 'From the head of a request to the last byte of its answer, by task, stream or page.',
      labelNames: ['task', 'outcome'],
      buckets,
      registers: [this.#registry],
    })
    this.#service(version)
    this.#process()
    if (vitals !== undefined) this.#lake(vitals)
  }

  /** A request has come. */
  began(): void {
    this.#underWay += 1
  }

  /** Its answer is out, or it was broken off. */
  ended(task: string, outcome: Outcome, seconds: number): void {
    this.#underWay -= 1
    const key = `${outcome} ${task}`
    let duration = this.#duration.get(key)
    if (duration === undefined) {
      duration = this.#durations.labels(task, outcome)
      this.#duration.set(key, duration)
    }
    duration.observe(seconds)
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

  /** Adds a number that is read when somebody asks. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }

  /** All of it, in Prometheus' text. */
  async text(): Promise<string> {
    const text = await this.#registry.metrics()
    // The lag is that since the last look.
    this.#lag.reset()
    return text
  }

  [Symbol.dispose](): void {
    this.#lag.disable()
    this.#registry.clear()
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }

  #service(version: string): void {
    new Gauge({
      name: 'mindtrace_info',
      help: 'What runs here.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    }).set({ version, node: process.version }, 1)
    this.gauge('mindtrace_requests_in_flight', 'Requests under way.', () => this.#underWay)
    this.gauge('mindtrace_connections', 'Open connections.', () => this.#sockets.size)
    const over = (bytes: 'bytesRead' | 'bytesWritten') =>
      [...this.#sockets].reduce((sum, socket) => sum + socket[bytes], 0)
    this.#counter(
      'mindtrace_received_bytes_total',
      'Bytes that came over connections.',
      () => this.#received + over('bytesRead'),
    )
    this.#counter(
      'mindtrace_sent_bytes_total',
      'Bytes that went over connections.',
      () => this.#sent + over('bytesWritten'),
    )
  }

  /** Under the names that every client library of Prometheus gives them. */
  #process(): void {
    const startedAtSeconds = (Date.now() - process.uptime() * 1000) / 1000
    this.gauge(
      'process_start_time_seconds',
      'When the process began, in seconds since 1970.',
      () => startedAtSeconds,
    )
    this.gauge('process_resident_memory_bytes', 'Memory of the process.', () =>
      process.memoryUsage.rss(),
    )
    this.#counter('process_cpu_seconds_total', 'Processor time of the process.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    const lag = this.#lag
    const heap = new Gauge({
      name: 'nodejs_memory_bytes',
      help: 'Memory by kind: heap in use, heap, outside of the heap, of those array buffers.',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect() {
        const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
        heap.set({ kind: 'heap_used' }, heapUsed)
        heap.set({ kind: 'heap_total' }, heapTotal)
        heap.set({ kind: 'external' }, external)
        heap.set({ kind: 'array_buffers' }, arrayBuffers)
      },
    })
    const delay = new Gauge({
      name: 'mindtrace_event_loop_lag_seconds',
      help: 'How late the event loop was since the last look, by quantile.',
      labelNames: ['quantile'],
      registers: [this.#registry],
      collect() {
        const late = (nanoseconds: number) =>
          Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000)
        delay.set({ quantile: '0.5' }, late(lag.percentile(50)))
        delay.set({ quantile: '0.99' }, late(lag.percentile(99)))
        delay.set({ quantile: '1' }, late(lag.max))
      },
    })
  }

  #lake(vitals: LakeVitals): void {
    this.gauge(
      'mindtrace_database_waiting',
      'Calls that wait for their turn to write, or for a connection.',
      () => vitals.load().database.waiting,
    )
    if (vitals.load().database.connections !== undefined) {
      const connections = new Gauge({
        name: 'mindtrace_database_connections',
        help: 'Connections to the database, by state.',
        labelNames: ['state'],
        registers: [this.#registry],
        collect() {
          const { open = 0, inUse = 0 } = vitals.load().database.connections ?? {}
          connections.set({ state: 'open' }, open)
          connections.set({ state: 'in_use' }, inUse)
        },
      })
    }
    const traffic = new Counter({
      name: 'mindtrace_mount_bytes_total',
      help: 'Bytes of payloads that this process opened for reading in each mount, and wrote to it.',
      labelNames: ['mount', 'direction'],
      registers: [this.#registry],
      collect() {
        traffic.reset()
        for (const [mount, { readBytes, writtenBytes }] of Object.entries(vitals.load().mounts)) {
          traffic.inc({ mount, direction: 'read' }, readBytes)
          traffic.inc({ mount, direction: 'written' }, writtenBytes)
        }
      },
    })
    const queued = new Gauge({
      name: 'mindtrace_queued',
      help: 'What waits in queues that all processes of the lake share.',
      labelNames: ['queue'],
      registers: [this.#registry],
      async collect() {
        try {
          const signal = AbortSignal.timeout(queuesTimeoutMs)
          for (const [queue, count] of Object.entries(await vitals.queues({ signal }))) {
            queued.set({ queue }, count)
          }
        } catch {
          // A database that does not answer must not hide all else.
          queued.reset()
        }
      },
    })
  }
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
    if (!isUnlimited(callerOf(context.req.raw).principal)) {
      throw new MindtraceError('FORBIDDEN', 'metrics are for keys without scopes', {
        details: { missing: 'scope' },
      })
    }
    return new Response(await metrics.text(), {
      headers: { 'content-type': metrics.contentType, 'cache-control': 'no-store' },
    })
  })
}
