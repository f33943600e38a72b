import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

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
  readonly #watched = new Map<Socket, Watched>()
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

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const [socket, watched] of this.#watched) {
      const { incoming, outgoing } = watched
      if (incoming.complete || incoming.destroyed) continue
      if (socket.bytesRead !== watched.bytes || incoming.readableLength > 0) {
        watched.bytes = socket.bytesRead
        watched.movedAtMs = now
      } else if (now - watched.movedAtMs >= this.#idleMs) {
        this.#watched.delete(socket)
        if (!outgoing.headersSent) {
          // Written past the response object, whose handler still waits for the body.
          socket.write(
            'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
          )
        }
        socket.destroySoon()
      }
    }
  }
}
