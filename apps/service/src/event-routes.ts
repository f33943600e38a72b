import type { HttpBindings } from '@hono/node-server'
import { allTasks } from '@mindtrace/contract'
import { type Logger, MindtraceError } from '@mindtrace/core'
import type { Hono } from 'hono'
import type { CallerOf } from './access/admission.ts'
import { requireUnlimited } from './access/principal.ts'
import { answer } from './answer.ts'
import { jsonResponse } from './json-response.ts'
import type { LakeEvent, LakeEvents } from './lake-events.ts'
import { serviceStreams } from './service-streams.ts'

/** What {@link addEventRoutes} needs. */
export interface EventRoutesOptions {
  readonly callerOf: CallerOf
  readonly events: LakeEvents
  readonly log: Logger
  /** Aborts when the service ends. */
  readonly ending?: AbortSignal | undefined
  /** How often a line goes out to those to whom nothing happened; default 15,000. */
  readonly heartbeatMs?: number | undefined
  /** After how long a client must come again, with its key; default 600,000. */
  readonly longestMs?: number | undefined
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // For a proxy that would collect the whole before it sends on.
  'x-accel-buffering': 'no',
} as const

/** How many may listen at the same time, to one process. */
const mostListeners = 100
/** A client that has not taken so much is cut off. It comes again with the last event that it had. */
const mostWaitingBytes = 4 * 1024 * 1024

/**
 * `GET /v1/events`: what is done to the lake, as Server-Sent Events.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function addEventRoutes(app: Hono, options: EventRoutesOptions): void {
  const { callerOf, events, log, ending } = options
  const notAllowed = () => jsonResponse({ detail: 'Method Not Allowed' }, 405, { allow: 'GET' })
  app.get('/v1/events', (context) =>
    answer(context, log, async () => {
      const request = context.req.raw
      if (request.method === 'HEAD') return notAllowed()
      requireUnlimited(callerOf(request).principal, 'events')
      const wanted = context.req.queries('task') ?? []
      for (const one of wanted) checkWanted(one)
      if (events.listeners >= mostListeners) {
        throw new MindtraceError(
          'RATE_LIMITED',
          `${mostListeners} listen to this process already; come again later`,
        )
      }
      const isWanted = ({ task }: LakeEvent) =>
        wanted.length === 0 || wanted.some((one) => task === one || task.startsWith(`${one}.`))
      const after = request.headers.get('last-event-id') ?? undefined
      const { outgoing } = (context.env ?? {}) as Partial<HttpBindings>
      const stream = new EventStream(options, () => outgoing?.destroy())
      const stop = await events.listen(
        {
          take: (event) => {
            if (isWanted(event)) stream.send(event)
          },
          missed: () => stream.say('event: missed\ndata: {}\n\n'),
        },
        after,
      )
      stream.onEnd(stop)
      if (request.signal.aborted || ending?.aborted === true) stream.end()
      request.signal.addEventListener('abort', () => stream.end(), { once: true })
      return new Response(stream.body, { headers })
    }),
  )
  app.all('/v1/events', notAllowed)
}

/** Tasks, streams, and families of tasks. */
const names: ReadonlySet<string> = new Set(
  [...Object.keys(allTasks), ...Object.keys(serviceStreams)].flatMap((name) =>
    name.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.')),
  ),
)

function checkWanted(name: string): void {
  if (names.has(name)) return
  throw new MindtraceError(
    'INVALID_INPUT',
    `task=${JSON.stringify(name.slice(0, 80))} is no task, no stream and no family of tasks, as assets.create, writeObject and assets are`,
  )
}

/** One client's events on their way. */
class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #encoder = new TextEncoder()
  readonly #ending: AbortSignal | undefined
  readonly #heartbeat: NodeJS.Timeout
  readonly #longest: NodeJS.Timeout
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #stop: (() => void) | undefined
  #isOver = false

  readonly #cut: () => void

  /** @param cut - breaks off the connection. */
  constructor(
    { ending, heartbeatMs = 15_000, longestMs = 600_000 }: EventRoutesOptions,
    cut: () => void,
  ) {
    this.#cut = cut
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        cancel: () => this.#over(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: mostWaitingBytes }),
    )
    this.#ending = ending
    ending?.addEventListener('abort', this.end)
    this.#heartbeat = setInterval(() => this.say(':\n\n'), heartbeatMs).unref()
    this.#longest = setTimeout(this.end, longestMs).unref()
    this.say('retry: 2000\n\n')
  }

  send({ id, ...event }: LakeEvent): void {
    this.say(`id: ${id}\nevent: change\ndata: ${JSON.stringify(event)}\n\n`)
  }

  /** Sends text as it is; cuts a client off that takes nothing. */
  say(text: string): void {
    const controller = this.#controller
    if (this.#isOver || controller === undefined) return
    if ((controller.desiredSize ?? 0) > 0) {
      controller.enqueue(this.#encoder.encode(text))
      return
    }
    this.#over()
    this.#cut()
  }

  /** What is to be called at the end, or at once if it was. */
  onEnd(stop: () => void): void {
    this.#stop = stop
    if (this.#isOver) stop()
  }

  readonly end = (): void => {
    if (this.#isOver) return
    this.#over()
    this.#controller?.close()
  }

  #over(): void {
    this.#isOver = true
    clearInterval(this.#heartbeat)
    clearTimeout(this.#longest)
    this.#ending?.removeEventListener('abort', this.end)
    this.#stop?.()
  }
}
