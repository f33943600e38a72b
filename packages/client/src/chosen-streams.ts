import { deferredRows, type LakeStreams } from '@mindtrace/contract'
import { isMindtraceError } from '@mindtrace/core'
import { createBase64Streams } from './base64-streams.ts'
import { createHttpStreams } from './http-streams.ts'
import type { HttpTransport } from './http-transport.ts'

/**
 * The streams that the service at hand has. It is asked once, before the first of them is used: a body
 * can't be sent twice. Our service lists its own; one that doesn't know the question gets base64.
 */
export function createChosenStreams(
  transport: HttpTransport,
  call: Parameters<typeof createBase64Streams>[0],
  trustOutputs: boolean,
): LakeStreams {
  let chosen: Promise<LakeStreams> | undefined
  const choose = async (): Promise<LakeStreams> => {
    try {
      await transport.request(
        { what: 'extensions', method: 'GET', path: '/v1/extensions', repeatable: true },
        (response) => response.arrayBuffer(),
      )
      return createHttpStreams(transport, trustOutputs)
    } catch (error) {
      if (isMindtraceError(error, 'NOT_IMPLEMENTED')) return createBase64Streams(call)
      chosen = undefined
      throw error
    }
  }
  const streams = () => {
    chosen ??= choose()
    return chosen
  }
  return {
    readAsset: async (...request) => (await streams()).readAsset(...request),
    readObject: async (...request) => (await streams()).readObject(...request),
    writeObject: async (...request) => (await streams()).writeObject(...request),
    ingestGroup: async (...request) => (await streams()).ingestGroup(...request),
    appendUpload: async (...request) => (await streams()).appendUpload(...request),
    archiveDataset: async (...request) => (await streams()).archiveDataset(...request),
    archiveAssets: async (...request) => (await streams()).archiveAssets(...request),
    archiveObjects: async (...request) => (await streams()).archiveObjects(...request),
    rows: (...request) => deferredRows(async () => (await streams()).rows(...request)),
  }
}
