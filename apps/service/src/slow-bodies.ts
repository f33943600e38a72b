import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { rawAnswer } from './raw-answer.ts'

/** What comes over a connection, one request after the other. */
interface Watched {
  incoming: IncomingMessage
  outgoing: ServerResponse
  bytes: number
  movedAtMs: number
}

/**
 * Breaks off requests whose body has stopped to arrive. One that the service itself is slow to take is left alone: what
 * has come is then waiting to be read.
 */
export class SlowBodies implements Disposable {
  readonly #idleMs: number
  readonly #watched = new Map<Duplex, Watched>()
  readonly #timer: NodeJS.Timeout

  constructor(idleMs: number) {
    this.#idleMs = idleMs
    this.#timer = setInterval(() => this.#look(), Math.max(50, Math.min(1_000, idleMs / 4)))
    this.#timer.unref()
  }

  /** To be called for every request, as it begins. */
  watch(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { socket } = incoming
    const bytes = socket.bytesRead
    const movedAtMs = performance.now()
    const watched = this.#watched.get(socket)
    if (watched === undefined) {
      this.#watched.set(socket, { incoming, outgoing, bytes, movedAtMs })
      socket.once('close', () => this.#watched.delete(socket))
    } else Object.assign(watched, { incoming, outgoing, bytes, movedAtMs })
  }

  /** Whether the answer to the latest request of a connection is on its way. */
  isAnswering(socket: Duplex): boolean {
    const outgoing = this.#watched.get(socket)?.outgoing
    return outgoing?.headersSent === true && !outgoing.writableFinished
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const watched of this.#watched.values()) {
      const { incoming, outgoing } = watched
      const { socket } = incoming
      if (incoming.complete || incoming.destroyed) continue
      if (socket.bytesRead !== watched.bytes || incoming.readableLength > 0) {
        watched.bytes = socket.bytesRead
        watched.movedAtMs = now
      } else if (now - watched.movedAtMs >= this.#idleMs) {
        this.#watched.delete(socket)
        if (!outgoing.headersSent) {
          // Written past the response object, whose handler still waits for the body.
          const headers = Object.entries(outgoing.getHeaders()) as [string, string][]
          socket.write(rawAnswer(408, 'the body stopped to arrive; send it again', headers))
        }
        socket.destroySoon()
      }
    }
  }
}
