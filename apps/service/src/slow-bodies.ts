import type { IncomingMessage, ServerResponse } from 'node:http'

interface Watched {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  bytes: number
  movedAtMs: number
}

/**
 * Breaks off requests whose body has stopped to arrive. One that the service itself is slow to take is left alone: what
 * has come is then waiting to be read.
 */
export class SlowBodies implements Disposable {
  readonly #idleMs: number
  readonly #watched = new Set<Watched>()
  readonly #timer: NodeJS.Timeout

  constructor(idleMs: number) {
    this.#idleMs = idleMs
    this.#timer = setInterval(() => this.#look(), Math.max(50, Math.min(1_000, idleMs / 4)))
    this.#timer.unref()
  }

  watch(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { headers } = incoming
    const length = headers['content-length']
    if ((length === undefined || length === '0') && headers['transfer-encoding'] === undefined)
      return
    const watched = {
      incoming,
      outgoing,
      bytes: incoming.socket.bytesRead,
      movedAtMs: performance.now(),
    }
    this.#watched.add(watched)
    outgoing.once('close', () => this.#watched.delete(watched))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const watched of this.#watched) {
      const { incoming, outgoing } = watched
      if (incoming.complete || incoming.destroyed) {
        this.#watched.delete(watched)
      } else if (incoming.socket.bytesRead !== watched.bytes || incoming.readableLength > 0) {
        watched.bytes = incoming.socket.bytesRead
        watched.movedAtMs = now
      } else if (now - watched.movedAtMs >= this.#idleMs) {
        this.#watched.delete(watched)
        if (!outgoing.headersSent) {
          // Written past the response object, whose handler still waits for the body.
          incoming.socket.write(
            'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
          )
        }
        incoming.socket.destroySoon()
      }
    }
  }
}
