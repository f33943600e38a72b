import { imageSize } from 'image-size'

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'bmp' | 'tiff' | 'gif'

/** What an image's own header says. */
export interface ImageHeader {
  readonly format: ImageFormat
  readonly mediaType: string
  /** Pixels as stored, before any EXIF orientation. */
  readonly width: number
  readonly height: number
  /** EXIF orientation, 1 to 8; 1 when there is none. */
  readonly orientation: number
}

/** File name endings that images have, in lower case. */
export const imageExtensions: ReadonlyMap<string, ImageFormat> = new Map([
  ['.jpg', 'jpeg'],
  ['.jpeg', 'jpeg'],
  ['.jpe', 'jpeg'],
  ['.jfif', 'jpeg'],
  ['.png', 'png'],
  ['.webp', 'webp'],
  ['.bmp', 'bmp'],
  ['.dib', 'bmp'],
  ['.tif', 'tiff'],
  ['.tiff', 'tiff'],
  ['.gif', 'gif'],
])

/**
 * Reads format, size and orientation from the start of a file (for TIFF: wherever the directory lies).
 * The format comes from the bytes, never from the name.
 *
 * @returns null when these are no bytes of a known format, or too few of them.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader | null {
  const format = formatOf(bytes)
  if (format === null) return null
  try {
    const { width, height, orientation } = imageSize(bytes)
    if (!(width > 0 && height > 0)) return null
    return {
      format,
      mediaType: `image/${format}`,
      width,
      height,
      orientation: orientation !== undefined && orientation <= 8 ? Math.max(orientation, 1) : 1,
    }
  } catch {
    return null
  }
}

/**
 * Whether a file ends before its image does.
 *
 * @param tail - the last bytes of the file, at least some kilobytes of them.
 * @param whole - whether `tail` is the whole file: then data behind the image is no reason for a doubt.
 */
export function isCutShort(
  format: ImageFormat,
  tail: Uint8Array,
  options: { readonly whole: boolean; readonly head: Uint8Array; readonly sizeBytes: number },
): boolean {
  const buffer = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength)
  switch (format) {
    case 'jpeg': {
      // A thumbnail in the header has an end marker of its own: only one behind the scan's start counts.
      const scan = options.whole ? jpegScanOffset(tail) : 0
      return buffer.lastIndexOf(jpegEnd) < scan
    }
    case 'png':
      return buffer.lastIndexOf('IEND', undefined, 'latin1') < 0
    case 'gif':
      return buffer.subarray(-64).lastIndexOf(0x3b) < 0
    case 'webp':
      return littleEndian(options.head, 4) + 8 > options.sizeBytes + 1 // a missing pad byte is no cut
    case 'bmp':
      return littleEndian(options.head, 2) > options.sizeBytes
    case 'tiff':
      return false
  }
}

const jpegEnd = Buffer.from([0xff, 0xd9])

function jpegScanOffset(bytes: Uint8Array): number {
  let offset = 2
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) return offset
    const marker = bytes[offset + 1] as number
    if (marker === 0xff) offset += 1
    else if (marker === 0xda) return offset
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) offset += 2
    else offset += 2 + (((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number))
  }
  return bytes.length
}

function formatOf(bytes: Uint8Array): ImageFormat | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(12, bytes.byteLength)).toString(
    'latin1',
  )
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (text.startsWith('RIFF') && text.slice(8) === 'WEBP') return 'webp'
  if (text.startsWith('BM')) return 'bmp'
  if (/^(II[\x2a\x2b]\0|MM\0[\x2a\x2b])/.test(text)) return 'tiff'
  if (text.startsWith('GIF8')) return 'gif'
  return null
}

function littleEndian(bytes: Uint8Array, offset: number): number {
  if (bytes.byteLength < offset + 4) return Number.POSITIVE_INFINITY
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true)
}
