import type { LakeStreams, TaskCall } from '@mindtrace/contract'
import { bytesOf, isMindtraceError, MindtraceError } from '@mindtrace/core'
import {
  type ListResourcesResult,
  type ReadResourceResult,
  ResourceNotFoundError,
  type ResourceTemplateType,
} from '@modelcontextprotocol/server'

/** What resources are read from. */
export interface ResourceContext {
  readonly call: TaskCall
  readonly streams: Pick<LakeStreams, 'readAsset'>
  readonly signal: AbortSignal
}

/** A resource travels whole, in base64, into a model's context: larger ones are for HTTP. */
const maxPayloadBytes = 10 * 1024 * 1024
/** Ids of a dataset's manifest that its resource shows. */
const maxManifest = 100

/** What can be read by its address. */
export const resourceTemplates: readonly ResourceTemplateType[] = [
  {
    uriTemplate: 'mindtrace://assets/{asset_id}',
    name: 'asset',
    description: `The payload of an asset: an image as image, text as text, up to ${maxPayloadBytes} bytes.`,
  },
  {
    uriTemplate: 'mindtrace://datasets/{name}/{version}',
    name: 'dataset',
    description: `A dataset version with the first ${maxManifest} datum ids of its manifest and their number.`,
    mimeType: 'application/json',
  },
]

/** A page of the datasets, each in its latest version. The cursor is the last name of the page before. */
export async function listResources(
  cursor: string | undefined,
  { call, signal }: ResourceContext,
): Promise<ListResourcesResult> {
  const { datasets, next } = await call('datasets.list', { after: cursor ?? null }, { signal })
  return {
    resources: datasets.map(({ dataset_name, latest_version, datums }) => ({
      uri: `mindtrace://datasets/${encodeURIComponent(dataset_name)}/${encodeURIComponent(latest_version)}`,
      name: `${dataset_name}@${latest_version}`,
      description: `${datums} datums`,
      mimeType: 'application/json',
    })),
    ...(next === null ? {} : { nextCursor: next }),
  }
}

/**
 * Reads what an address of the templates names.
 *
 * @throws {@link ResourceNotFoundError} for an address that names nothing; {@link MindtraceError} `TOO_LARGE`
 * for a payload that is better streamed, and what the lake throws.
 */
export async function readResource(
  uri: string,
  context: ResourceContext,
): Promise<ReadResourceResult> {
  const [kind, first, second, ...rest] = segmentsOf(uri)
  try {
    if (kind === 'assets' && first && second === undefined) {
      return { contents: [await readAsset(uri, first, context)] }
    }
    if (kind === 'datasets' && first && second && rest.length === 0) {
      return { contents: [await readDataset(uri, first, second, context)] }
    }
  } catch (error) {
    if (!isMindtraceError(error, 'NOT_FOUND')) throw error
  }
  throw new ResourceNotFoundError(uri)
}

/** The decoded parts of an address; none when it is not one of ours. */
function segmentsOf(uri: string): string[] {
  const [, path] = /^mindtrace:\/\/(.+)$/.exec(uri) ?? []
  try {
    return path?.split('/').map(decodeURIComponent) ?? []
  } catch {
    return []
  }
}

type Content = ReadResourceResult['contents'][number]

async function readAsset(
  uri: string,
  assetId: string,
  { streams, signal }: ResourceContext,
): Promise<Content> {
  const { body, mediaType, sizeBytes } = await streams.readAsset(assetId, { signal })
  if (sizeBytes > maxPayloadBytes) {
    await body.cancel()
    throw new MindtraceError(
      'TOO_LARGE',
      `the payload of ${assetId} has ${sizeBytes} bytes, more than the ${maxPayloadBytes} of a resource; GET /v1/assets/${encodeURIComponent(assetId)}/payload streams it`,
    )
  }
  const bytes = Buffer.from(await bytesOf(body, maxPayloadBytes))
  const isText = /^(?:text\/|application\/json\b)/.test(mediaType)
  const payload = isText ? { text: bytes.toString('utf8') } : { blob: bytes.toString('base64') }
  return { uri, mimeType: mediaType, ...payload }
}

async function readDataset(
  uri: string,
  name: string,
  version: string,
  { call, signal }: ResourceContext,
): Promise<Content> {
  const input = { dataset_name: name, version }
  const { dataset_version } = await call('dataset_versions.get', input, { signal })
  const { manifest, ...document } = dataset_version
  const shown = { ...document, datums: manifest.length, manifest: manifest.slice(0, maxManifest) }
  return { uri, mimeType: 'application/json', text: JSON.stringify(shown) }
}
