import { Agent, request } from 'node:http'

/** A plain HTTP client that keeps its connections: the same for every service that is measured. */
export class PlainClient implements Disposable {
  readonly #address: string
  readonly #agent: Agent

  /** `inFlight` connections at most. */
  constructor(address: string, inFlight: number) {
    this.#address = address
    this.#agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  }

  /** The bytes that a task answers. @throws when it answers anything but 200. */
  post(task: string, body: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${this.#address}/${task}`,
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': body.byteLength },
        },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('error', reject)
          answer.on('end', () => {
            const bytes = Buffer.concat(chunks)
            if (answer.statusCode === 200) resolve(bytes)
            else reject(new Error(`${task} answered ${answer.statusCode}: ${bytes.toString()}`))
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/** The body of a request. */
export function jsonBody(input: unknown): Buffer {
  return Buffer.from(JSON.stringify(input))
}
