import type { Readable } from 'node:stream'

/** The chunks of an HTTP answer, each taken when it is asked for, so that the network waits for a slow reader. */
export class ResponseChunks {
  readonly #readable: Readable
  #onChange = () => {}
  #failure: Error | undefined

  constructor(readable: Readable) {
    const onChange = () => this.#onChange()
    this.#readable = readable
    readable.on('readable', onChange).on('end', onChange).on('close', onChange)
    // It may break before anyone asks.
    readable.on('error', (error: Error) => {
      this.#failure = error
      onChange()
    })
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

  /** Closes the connection. */
  destroy(): void {
    this.#readable.destroy()
  }
}
