import {
  createLake,
  type DecodedPayload,
  type Lake,
  parseOutput,
  type TaskCall,
  type TaskOutput,
  taskPath,
} from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { createChosenStreams } from './chosen-streams.ts'
import { HttpTransport } from './http-transport.ts'
import { parseLakeAddress } from './lake-address.ts'
import { isReadTask } from './read-tasks.ts'

/** How a remote lake is reached. */
export interface ConnectOptions {
  /** Sent as bearer token; goes before a key in the address, which goes before `MINDTRACE_API_KEY`. */
  readonly apiKey?: string | undefined
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined
  /**
   * How long a task may take, and a stream until its first byte; default 60,000, 0 is for ever. Node's
   * `fetch` gives up after 300,000 of itself.
   */
  readonly timeoutMs?: number | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Takes answers as they are, without checking and normalising them; default false. Only for a service
   * of the same version: the Python service's times have no zone.
   */
  readonly trustOutputs?: boolean | undefined
}

/**
 * The lake behind a service: `connectLake('http://127.0.0.1:8080')`, `connectLake('https://key@lake.example')`.
 * Nothing is sent before the first call. Works in Node and in browsers, against our service and the
 * Python one, which gets payloads as base64.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for anything but an HTTP address.
 */
export function connectLake(address: string, options: ConnectOptions = {}): Lake {
  const { url, apiKey: keyInAddress } = parseLakeAddress(address)
  const apiKey = options.apiKey ?? keyInAddress ?? environmentKey()
  const transport = new HttpTransport({
    url,
    headers: {
      ...options.headers,
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    timeoutMs: options.timeoutMs ?? 60_000,
  })
  const trustOutputs = options.trustOutputs ?? false
  const call = createHttpCall(transport, url, trustOutputs)
  return createLake({
    call,
    streams: createChosenStreams(transport, call, trustOutputs),
    dispose: async () => transport.close(),
  })
}

/** The key that a program was started with; browsers have none. */
function environmentKey(): string | undefined {
  const { process } = globalThis as {
    readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> }
  }
  return process?.env?.MINDTRACE_API_KEY || undefined
}

function createHttpCall(transport: HttpTransport, url: string, trustOutputs: boolean): TaskCall {
  return (name, input, options = {}) =>
    transport.request(
      {
        what: name,
        method: 'POST',
        path: taskPath(name),
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(withPayload(input, options.payload)),
        repeatable: isReadTask(name),
        signal: options.signal,
      },
      async (response) => {
        // The Python service acknowledges its end in plain text.
        if (name === 'shutdown') return { shutdown: true } as TaskOutput<typeof name>
        const output = parseJson(await response.text(), name)
        const checked = trustOutputs
          ? (output as TaskOutput<typeof name>)
          : parseOutput(name, output)
        return name === 'downloads.sign'
          ? (withAbsoluteUrl(checked as TaskOutput<'downloads.sign'>, url) as typeof checked)
          : checked
      },
    )
}

/** An address of the service itself comes relative to where it is reached. */
function withAbsoluteUrl(signed: TaskOutput<'downloads.sign'>, url: string) {
  const isOurs = signed.url.startsWith('v1/')
  return isOurs ? { ...signed, url: `${url}/${signed.url}` } : signed
}

/** What a service decoded on the way in goes on to the next one as it came. */
function withPayload(input: object = {}, payload: DecodedPayload | undefined): object {
  if (payload === undefined) return input
  const { chunks, isBase64 } = payload
  return { ...input, data_base64: isBase64 ? Buffer.concat(chunks).toString('base64') : '!' }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MindtraceError(
      'CORRUPT',
      `the answer to ${name} is not JSON; is there a Mindtrace service at this address?`,
      { cause },
    )
  }
}
