import { MindtraceError } from '@mindtrace/core'
import sharp, { type Sharp } from 'sharp'
import { PngImage } from '../png-codec.ts'

/**
 * An image as numbers, row by row from the top, the channels of a pixel beside each other: grey, grey and
 * alpha, RGB, or RGBA (Pillow's modes L, LA, RGB, RGBA). 16 bits per channel lie in a `Uint16Array`
 * (Pillow's I;16 where there is one channel).
 */
export interface Pixels {
  readonly data: Uint8Array | Uint16Array
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  readonly channels: 1 | 2 | 3 | 4
  /** Bits per channel. */
  readonly depth: 8 | 16
}

/** Options of {@link readPixels}. */
export interface ReadPixelsOptions {
  /** More are `TOO_LARGE`. Default 268 million, a square of 16,384. */
  readonly limitPixels?: number | undefined
}

const defaultLimitPixels = 16_384 * 16_384

/**
 * The pixels of an image in any format that sharp reads, as they are stored: no colour profile and no
 * rotation is applied. Palettes become RGB, fewer than 8 bits per channel become 8.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for what is no image; `TOO_LARGE`.
 */
export async function readPixels(
  image: Uint8Array | PngImage,
  options: ReadPixelsOptions = {},
): Promise<Pixels> {
  const limit = options.limitPixels ?? defaultLimitPixels
  const bytes = image instanceof PngImage ? image.bytes : image
  const open = () =>
    sharp(bytes, { limitInputPixels: limit, ignoreIcc: true, failOn: 'truncated' } as const)
  try {
    const { width, height, channels, depth, space } = await open().metadata()
    if (width * height > limit) throw tooLarge(width, height, limit)
    const isWide = depth === 'ushort'
    const isGrey = channels < 3
    // Grey and alpha at 8 bits come out with alpha only as four channels.
    const isGreyAlpha = channels === 2 && !isWide
    const wanted = isWide ? (isGrey ? 'grey16' : 'rgb16') : isGrey ? 'b-w' : 'srgb'
    const decoded = isGreyAlpha || space === 'cmyk' ? open() : open().toColourspace(wanted)
    const { data, info } = await decoded
      .raw({ depth: isWide ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const numbers = isWide
      ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return {
      data: isGreyAlpha ? withoutColours(numbers) : numbers,
      width: info.width,
      height: info.height,
      channels: isGreyAlpha ? 2 : (info.channels as Pixels['channels']),
      depth: isWide ? 16 : 8,
    }
  } catch (cause) {
    if (cause instanceof Error && /pixel limit/i.test(cause.message)) throw tooLarge(0, 0, limit)
    if (cause instanceof MindtraceError) throw cause
    throw new MindtraceError('INVALID_INPUT', 'the bytes are no image that can be read', { cause })
  }
}

/**
 * Pixels as a PNG of the same depth and channels.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when the numbers are not as many as width, height and
 * channels say.
 */
export async function writePng(pixels: Pixels): Promise<PngImage> {
  const { width, height, channels, data, depth } = pixels
  const isWide = depth === 16
  const isRightArray = isWide ? data instanceof Uint16Array : data instanceof Uint8Array
  const isWhole = width > 0 && height > 0 && data.length === width * height * channels
  if (!isRightArray || !isWhole || ![1, 2, 3, 4].includes(channels)) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `an image of ${width} × ${height} with ${channels} channels of ${depth} bits needs ${width * height * channels} numbers in a Uint${depth}Array, not ${data.length} in a ${data.constructor.name}`,
      { details: { width, height, channels, depth, length: data.length } },
    )
  }
  const isGrey = channels < 3
  const space = isWide ? (isGrey ? 'grey16' : 'rgb16') : isGrey ? 'b-w' : 'srgb'
  const png = (sharp(data, { raw: { width, height, channels } }) as Sharp)
    .toColourspace(space)
    .png()
  return new PngImage(new Uint8Array(await png.toBuffer()))
}

function withoutColours(rgba: Uint8Array | Uint16Array): Uint8Array | Uint16Array {
  return rgba.filter((_, index) => index % 4 === 0 || index % 4 === 3)
}

function tooLarge(width: number, height: number, limit: number): MindtraceError {
  const size = width > 0 ? ` (${width} × ${height})` : ''
  return new MindtraceError(
    'TOO_LARGE',
    `the image${size} has more than ${limit} pixels; raise limitPixels if it is to be trusted`,
    { details: { limitPixels: limit } },
  )
}
