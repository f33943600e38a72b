import { crc32 } from 'node:zlib'
import { MindtraceError } from '@mindtrace/core'
import type { Codec } from './codec.ts'
import { materializers } from './materializers.ts'
import { noValue } from './stored-files.ts'

/** The one file of a stored image. */
export const imageFile = 'image.png'
/** What Python calls an image that did not come from a file. */
export const imageClass = 'PIL.Image.Image'

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const channelsOfColour: Readonly<Record<number, PngImage['channels']>> = {
  0: 1,
  2: 3,
  3: 3,
  4: 2,
  6: 4,
}

/** A PNG image as the bytes it is stored as. `@mindtrace/registry/codecs/image` makes pixels of it. */
export class PngImage {
  readonly bytes: Uint8Array
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** Grey, grey and alpha, colours, colours and alpha. A palette counts as colours. */
  readonly channels: 1 | 2 | 3 | 4
  /** Bits per channel; of a palette, per index. */
  readonly bitDepth: 1 | 2 | 4 | 8 | 16

  /**
   * Checks that the bytes are a whole PNG: signature, every chunk with its checksum, the end.
   *
   * @throws {@link MindtraceError} `INVALID_INPUT` when they are not.
   */
  constructor(bytes: Uint8Array) {
    const header = checkPng(bytes)
    this.bytes = bytes
    this.width = header.width
    this.height = header.height
    this.channels = header.channels
    this.bitDepth = header.bitDepth
  }
}

/** Pillow images as the PNG bytes they are stored as, untouched. */
export const pngCodec: Codec<PngImage> = {
  name: 'PNG image',
  contentType: 'image/png',
  materializers: [materializers.image],
  accepts: (value) => value instanceof PngImage,
  encode: ({ bytes }) => ({
    className: imageClass,
    materializer: materializers.image,
    files: [{ path: imageFile, body: bytes }],
  }),
  async decode(files, options) {
    const bytes = await files.bytes(imageFile, options)
    try {
      return new PngImage(bytes)
    } catch (cause) {
      throw noValue(files.object, 'PNG image', cause)
    }
  },
}

/** @see https://www.w3.org/TR/png-3/#5Chunk-layout */
function checkPng(bytes: Uint8Array): Pick<PngImage, 'width' | 'height' | 'channels' | 'bitDepth'> {
  if (!signature.every((byte, index) => bytes[index] === byte)) throw noPng('has no PNG signature')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let header: ReturnType<typeof parseHeader> | undefined
  for (let at = 8; at + 12 <= bytes.byteLength; ) {
    const length = view.getUint32(at)
    const end = at + 12 + length
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (end > bytes.byteLength) throw noPng(`ends within its chunk ${type}`)
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw noPng(`has a wrong checksum in its chunk ${type}`)
    }
    if (header === undefined && (type !== 'IHDR' || length !== 13)) throw noPng('has no header')
    header ??= parseHeader(view, at + 8)
    if (type === 'IEND') return header
    at = end
  }
  throw noPng('has no end')
}

function parseHeader(view: DataView, at: number) {
  const width = view.getUint32(at)
  const height = view.getUint32(at + 4)
  const bitDepth = view.getUint8(at + 8)
  const channels = channelsOfColour[view.getUint8(at + 9)]
  if (width === 0 || height === 0) throw noPng('has no pixels')
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(bitDepth)) {
    throw noPng('has an unknown kind of colour')
  }
  return { width, height, channels, bitDepth: bitDepth as PngImage['bitDepth'] }
}

function noPng(what: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `the image ${what}; give the bytes of a whole PNG`)
}
