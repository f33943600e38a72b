import {
  decodeRowLines,
  type LakeStreams,
  type PlacedRow,
  parseRow,
  placedRows,
  type RowOf,
  type RowsInput,
  type RowTask,
} from '@mindtrace/contract'
import {
  type ByteStream,
  type CallOptions,
  errorMessage,
  isMindtraceError,
  MindtraceError,
} from '@mindtrace/core'
import type { HttpTransport } from './http-transport.ts'

/** After so many broken connections without a row between them it is given up. */
const mostAttempts = 3

/** {@link LakeStreams.rows} over HTTP. Where the connection breaks it goes on after the last row that came. */
export function httpRows(transport: HttpTransport, trustOutputs: boolean): LakeStreams['rows'] {
  return (name, input, options = {}) =>
    placedRows(continued(transport, name, input, trustOutputs, options))
}

async function* continued<Name extends RowTask>(
  transport: HttpTransport,
  name: Name,
  input: RowsInput<Name>,
  trustOutputs: boolean,
  options: CallOptions,
): AsyncGenerator<PlacedRow<RowOf<Name>>> {
  const { limit = null, cursor = null } = input
  let place = () => cursor
  let rows = 0
  const check = (value: object) => (trustOutputs ? (value as RowOf<Name>) : parseRow(name, value))
  for (let attempts = 1; ; attempts += 1) {
    const rest = { ...input, cursor: place() }
    if (rows > 0 && limit !== null) rest.limit = limit - rows
    try {
      const body = await open(transport, name, rest, options)
      for await (const placed of decodeRowLines(body, name, check)) {
        attempts = 0
        rows += 1
        place = placed.cursor
        yield placed
        if (rows === limit) return
      }
      return
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason
      const failure = isMindtraceError(error) ? error : brokeOff(error, name)
      if (failure.details.is_cut !== true || attempts >= mostAttempts) throw failure
    }
  }
}

function open(
  transport: HttpTransport,
  name: RowTask,
  input: object,
  { signal }: CallOptions,
): Promise<ByteStream> {
  return transport.request(
    {
      what: name,
      method: 'POST',
      path: `/v1/rows/${name}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
      repeatable: true,
      signal,
    },
    ({ body }) => {
      if (body !== null) return body
      throw new MindtraceError('CORRUPT', `${name}: the answer has no body`)
    },
  )
}

function brokeOff(cause: unknown, name: string): MindtraceError {
  return new MindtraceError(
    'UNAVAILABLE',
    `${name}: the stream broke off (${errorMessage(cause)}); its cursor leads on`,
    { cause, details: { is_cut: true } },
  )
}
