import type { ArchiveRead, LakeStreams } from '@mindtrace/contract'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import { bodyError } from './http-errors.ts'
import type { HttpTransport, LakeRequest } from './http-transport.ts'
import { type BodyCheck, wholeBody } from './whole-body.ts'

type Archives = Pick<LakeStreams, 'archiveDataset' | 'archiveAssets' | 'archiveObjects'>

/** Archives over HTTP. They flow as they are read. */
export function httpArchives(transport: HttpTransport): Archives {
  const post = (kind: string, input: object, options: CallOptions = {}) =>
    read(transport, {
      what: `the archive of ${kind}`,
      method: 'POST',
      path: `/v1/archives/${kind}`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal: options.signal,
    })
  return {
    archiveDataset: ({ dataset_name, version, payloads = true }, options = {}) =>
      read(transport, {
        what: `the archive of ${dataset_name}@${version}`,
        method: 'GET',
        path: `/v1/archives/dataset?${new URLSearchParams({ dataset_name, version, payloads: String(payloads) })}`,
        signal: options.signal,
      }),
    archiveAssets: (input, options) => post('assets', input, options),
    archiveObjects: (input, options) => post('objects', input, options),
  }
}

function read(
  transport: HttpTransport,
  request: Omit<LakeRequest, 'repeatable'>,
): Promise<ArchiveRead> {
  const { what, signal } = request
  return transport.request({ ...request, repeatable: true }, ({ body, headers }) => {
    const name = /filename\*=UTF-8''([^;\s]+)/.exec(headers.get('content-disposition') ?? '')?.[1]
    if (body === null || headers.get('content-type') !== 'application/x-tar') {
      throw new MindtraceError(
        'CORRUPT',
        `${what}: the answer is no archive; is there a Mindtrace service at this address?`,
      )
    }
    return {
      body: wholeBody(body, archiveEnd(), (error) => bodyError(error, what, signal)),
      fileName: name === undefined ? 'archive.tar' : decodeURIComponent(name),
    }
  })
}

/** Zeros that end every archive. */
const endBytes = 1024

/** Whether the archive has come to its end. */
function archiveEnd(): BodyCheck {
  let zeros = 0
  return {
    update(chunk) {
      let at = chunk.byteLength
      while (at > 0 && chunk[at - 1] === 0) at -= 1
      zeros = at === 0 ? zeros + chunk.byteLength : chunk.byteLength - at
    },
    missing: () => (zeros < endBytes ? 'it ends before the end of the archive' : undefined),
  }
}
