import type { Readable } from 'node:stream'

/** The chunks of a Node stream, each taken when it is asked for, so that the network waits for a slow reader. */
export class ReadableChunks {
  readonly #readable: Readable
  readonly #wake = () => this.#onChange()
  readonly #fail = (error: Error) => {
    this.#failure = error
    this.#onChange()
  }
  #onChange = () => {}
  #failure: Error | undefined

  constructor(readable: Readable) {
    this.#readable = readable
    for (const event of ['readable', 'end', 'close']) readable.on(event, this.#wake)
    // It may break before anyone asks.
    readable.on('error', this.#fail)
  }

  /** The next chunk, or undefined at the end. @throws what broke the connection. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#readable.read() as Uint8Array | null
      if (chunk !== null) return chunk
      if (this.#failure !== undefined) throw this.#failure
      if (this.#readable.readableEnded) return undefined
      if (this.#readable.destroyed) throw new Error('the connection was closed')
      await new Promise<void>((resolve) => {
        this.#onChange = resolve
      })
    }
  }

  /** Takes the end that follows the last byte: the connection serves the next request only then. */
  finish(): void {
    this.#onChange = () => this.#readable.read()
    this.#readable.read()
  }

  /** Takes no more, and leaves what is there to others. */
  leave(): void {
    for (const event of ['readable', 'end', 'close']) this.#readable.off(event, this.#wake)
    this.#onChange()
  }

  /** Closes the connection. */
  destroy(): void {
    this.#readable.destroy()
  }
}
