import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a {@link FaultyProxy} does to what passes through it, until it is told otherwise. */
export type Fault =
  | { readonly kind: 'none' }
  /** New connections are refused, those that are open stay. */
  | { readonly kind: 'refuse' }
  /** Connections are taken and nothing comes through. What was sent arrives when this ends, as TCP would repeat it. */
  | { readonly kind: 'black hole' }
  /** Whatever passes is so much later, in both directions. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The most that passes in a second, for each connection and direction. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  /**
   * Each connection is reset after so many bytes from the server. After so many `times` there is no fault any more;
   * default: it stays.
   */
  | { readonly kind: 'truncate'; readonly afterBytes: number; readonly times?: number | undefined }

/** A server that can be reached by TCP. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** One connection, from a client to the server. */
interface Line {
  readonly client: Socket
  readonly server: Socket
  readonly cut: AbortController
  /** The fault that `passedBytes` counts for. */
  fault: Fault
  passedBytes: number
}

const none: Fault = { kind: 'none' }

/**
 * A bad network between a client and a real server, for tests: what is sent to a port of 127.0.0.1 reaches the
 * server, and its answers the client, with the fault of the moment.
 */
export class FaultyProxy implements AsyncDisposable {
  /** Where clients connect, instead of the server. */
  readonly port: number
  readonly #target: Endpoint
  readonly #lines = new Set<Line>()
  #listener: Server | undefined
  #fault: Fault = none
  #truncations = 0
  #changed = Promise.withResolvers<void>()

  private constructor(target: Endpoint, listener: Server) {
    this.#target = target
    this.port = (listener.address() as AddressInfo).port
    this.#take(listener)
  }

  /** Starts one on a free port, without a fault. */
  static async start(target: Endpoint): Promise<FaultyProxy> {
    return new FaultyProxy(target, await listening(0))
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#lines.size
  }

  /** From now on this fault holds, for connections that are open as well. */
  async become(fault: Fault): Promise<void> {
    this.#set(fault)
    if (fault.kind === 'refuse') {
      this.#listener?.close()
      this.#listener = undefined
    } else if (this.#listener === undefined) {
      this.#take(await listening(this.port))
    }
  }

  /** Resets every connection that is open. */
  cut(): void {
    for (const line of this.#lines) reset(line)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.become({ kind: 'refuse' })
    this.cut()
  }

  #set(fault: Fault): void {
    this.#fault = fault
    this.#truncations = 0
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #take(listener: Server): void {
    this.#listener = listener
    listener.on('connection', (client) => void this.#connect(client))
  }

  async #connect(client: Socket): Promise<void> {
    const server = connect({ ...this.#target, allowHalfOpen: true })
    const line: Line = {
      client,
      server,
      cut: new AbortController(),
      fault: none,
      passedBytes: 0,
    }
    this.#lines.add(line)
    // What ends a line is seen where its bytes are moved.
    client.on('error', () => undefined)
    server.on('error', () => undefined)
    try {
      await Promise.all([this.#move(line, client, server), this.#move(line, server, client)])
    } catch {
      reset(line)
    } finally {
      this.#lines.delete(line)
    }
  }

  async #move(line: Line, from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      for await (const piece of this.#pieces(line, chunk, from === line.server)) {
        await written(to, piece)
      }
    }
    await this.#passable(line)
    to.end()
  }

  /** A chunk as the fault lets it through: at the time when each piece is to be written. */
  async *#pieces(line: Line, chunk: Buffer, fromServer: boolean): AsyncGenerator<Buffer> {
    const { signal } = line.cut
    let rest = chunk
    while (rest.length > 0) {
      const fault = await this.#passable(line)
      let piece = rest
      if (fault.kind === 'delay') await sleep(fault.ms, undefined, { signal })
      if (fault.kind === 'throttle') {
        // Twenty pieces a second pass smoothly enough.
        piece = rest.subarray(0, Math.max(1, Math.round(fault.bytesPerSecond / 20)))
        await sleep((piece.length / fault.bytesPerSecond) * 1000, undefined, { signal })
      }
      if (fault.kind === 'truncate' && fromServer) {
        if (line.fault !== fault) Object.assign(line, { fault, passedBytes: 0 })
        piece = rest.subarray(0, fault.afterBytes - line.passedBytes)
        if (piece.length > 0) yield piece
        line.passedBytes += piece.length
        if (line.passedBytes >= fault.afterBytes) this.#truncated(fault)
      } else {
        yield piece
      }
      rest = rest.subarray(piece.length)
    }
  }

  #truncated(fault: Fault & { kind: 'truncate' }): never {
    this.#truncations += 1
    if (this.#fault === fault && this.#truncations >= (fault.times ?? Number.POSITIVE_INFINITY)) {
      this.#set(none)
    }
    throw new Error('truncated')
  }

  /** Waits until something may pass; gives the fault that holds then. */
  async #passable({ cut }: Line): Promise<Fault> {
    while (this.#fault.kind === 'black hole') await this.#changed.promise
    cut.signal.throwIfAborted()
    return this.#fault
  }
}

async function listening(port: number): Promise<Server> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(port, '127.0.0.1')
  await once(listener, 'listening')
  return listener
}

function written(to: Socket, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(piece, (error) => (error ? reject(error) : resolve()))
  })
}

function reset({ client, server, cut }: Line): void {
  cut.abort()
  client.resetAndDestroy()
  server.resetAndDestroy()
}
