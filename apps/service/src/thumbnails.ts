import { availableParallelism } from 'node:os'
import type { Asset, Lake } from '@mindtrace/contract'
import { bytesOf, type Logger, MindtraceError } from '@mindtrace/core'
import type { Context, Hono } from 'hono'
import type { CallerOf } from './access/admission.ts'
import { answer } from './answer.ts'
import { BoundedCache } from './bounded-cache.ts'
import { matchesEtag } from './byte-range.ts'
import { payloadResponse } from './payload-response.ts'
import { pathSegments } from './request-path.ts'

const width = { least: 16, most: 1024, default: 320 } as const
/** Larger payloads and pictures are refused: a few of them at once would fill the memory. */
const maxPayloadBytes = 128 * 1024 * 1024
const maxPixels = 100_000_000
const cacheBytes = 64 * 1024 * 1024

type Format = 'webp' | 'jpeg'

interface Thumbnail {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly mediaType: string
}

/** Makes a small picture; undefined where this machine has no way to. */
export type Shrink = (
  bytes: Uint8Array,
  widthPixels: number,
  format: Format,
) => Promise<Uint8Array<ArrayBuffer>>

/** What the thumbnails need. */
export interface ThumbnailOptions {
  /** What the pictures are made from, once for all callers. */
  readonly lake: Pick<Lake, 'streams'>
  readonly callerOf: CallerOf
  readonly log: Logger
  /** Default: the package `sharp`, if it is installed. */
  readonly loadShrink?: (() => Promise<Shrink | undefined>) | undefined
}

/**
 * `GET /v1/assets/{asset_id}/thumbnail`. Pixels keep the order they are stored in, whatever EXIF says
 * about turning them, so that boxes fit. Without sharp the payload itself is the answer.
 */
export function addThumbnails(app: Hono, options: ThumbnailOptions): void {
  const { lake, callerOf, log, loadShrink = loadSharp } = options
  const cache = new BoundedCache<Thumbnail>(cacheBytes)
  const underWay = new Map<string, Promise<Thumbnail>>()
  const slots = new Slots(availableParallelism())
  let shrink: Promise<Shrink | undefined> | undefined

  const make = async (asset: Asset, widthPixels: number, format: Format, by: Shrink) =>
    slots.run(async (): Promise<Thumbnail> => {
      const read = await lake.streams.readAsset(asset.asset_id)
      const payload = await bytesOf(read.body, maxPayloadBytes)
      try {
        return { bytes: await by(payload, widthPixels, format), mediaType: `image/${format}` }
      } catch (cause) {
        throw new MindtraceError(
          'INVALID_INPUT',
          `asset ${asset.asset_id} (${asset.media_type}) can't be read as an image`,
          { cause },
        )
      }
    })

  app.get('/v1/assets/:asset_id/thumbnail', (context) =>
    answer(context, log, async () => {
      const [, , id = ''] = pathSegments(context.req.url)
      const widthPixels = widthIn(context.req.query('width'))
      const caller = callerOf(context.req.raw)
      const { asset } = await caller.call('assets.get', { id })
      if (!asset.media_type.startsWith('image/')) {
        throw new MindtraceError('INVALID_INPUT', `asset ${id} is ${asset.media_type}, no image`)
      }
      shrink ??= loadShrink()
      const by = await shrink
      // Drawings scale by themselves, and rendering foreign ones here is a risk for nothing.
      if (by === undefined || asset.media_type.startsWith('image/svg')) {
        const { signal } = context.req.raw
        return payloadResponse(context, log, (range) =>
          caller.streams.readAsset(asset.asset_id, { range, signal }),
        )
      }
      const format = formatFor(context)
      const key = `${contentKey(asset)} ${widthPixels} ${format}`
      const etag = `"${encodeURIComponent(key)}"`
      const headers = {
        'cache-control': 'private, max-age=3600',
        vary: 'accept',
        'x-content-type-options': 'nosniff',
        etag,
      }
      if (matchesEtag(context.req.raw.headers.get('if-none-match'), etag)) {
        return new Response(null, { status: 304, headers })
      }
      let thumbnail = cache.get(key)
      if (thumbnail === undefined) {
        const making = underWay.get(key) ?? make(asset, widthPixels, format, by)
        underWay.set(key, making)
        try {
          thumbnail = await making
        } finally {
          underWay.delete(key)
        }
        cache.set(key, thumbnail)
      }
      return new Response(thumbnail.bytes, {
        headers: {
          ...headers,
          'content-type': thumbnail.mediaType,
          'content-length': String(thumbnail.bytes.byteLength),
        },
      })
    }),
  )
}

/** What changes whenever the bytes of an asset do. */
function contentKey(asset: Asset): string {
  const ref = asset.payload_storage_ref ?? asset.storage_ref
  return (
    asset.payload_checksum ??
    asset.checksum ??
    `${ref.mount}/${ref.name}@${ref.version} ${asset.updated_at}`
  )
}

function widthIn(text: string | undefined): number {
  if (text === undefined) return width.default
  const pixels = Number(text)
  if (!/^\d{1,6}$/.test(text)) {
    throw new MindtraceError('INVALID_INPUT', `width is a number of pixels, not ${text}`)
  }
  return Math.min(width.most, Math.max(width.least, pixels))
}

function formatFor(context: Context): Format {
  const accept = context.req.header('accept')
  return accept === undefined || /image\/webp|image\/\*|\*\/\*/.test(accept) ? 'webp' : 'jpeg'
}

async function loadSharp(): Promise<Shrink | undefined> {
  const module = await import('sharp').catch(() => undefined)
  if (module === undefined) return undefined
  const sharp = module.default
  return async (bytes, widthPixels, format) => {
    const image = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'none' }).resize({
      width: widthPixels,
      withoutEnlargement: true,
    })
    const output = format === 'webp' ? image.webp({ quality: 80 }) : image.jpeg({ quality: 80 })
    return new Uint8Array(await output.toBuffer())
  }
}

/** At most `count` at a time; the others wait in turn. */
class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#free -= 1
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
