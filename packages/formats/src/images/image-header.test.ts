import { describe, expect, it } from 'vitest'
import {
  bmpBytes,
  gifBytes,
  jpegBytes,
  pngBytes,
  tiffBytes,
  webpBytes,
} from '../testing/image-bytes.ts'
import { isCutShort, readImageHeader } from './image-header.ts'

const shape = { width: 123, height: 45 }
const images = {
  jpeg: jpegBytes(shape),
  png: pngBytes(shape),
  webp: webpBytes(shape),
  bmp: bmpBytes(shape),
  tiff: tiffBytes(shape),
  gif: gifBytes(shape),
} as const

const cutShort = (format: keyof typeof images, bytes: Uint8Array) =>
  isCutShort(format, bytes, { whole: true, head: bytes, sizeBytes: bytes.byteLength })

describe('image headers', () => {
  it.each(Object.entries(images))('reads the size of a %s', (format, bytes) => {
    expect(readImageHeader(bytes)).toEqual({
      format,
      mediaType: `image/${format}`,
      width: 123,
      height: 45,
      orientation: 1,
    })
    expect(cutShort(format as keyof typeof images, bytes)).toBe(false)
  })

  it.each(['jpeg', 'png', 'webp', 'bmp', 'gif'] as const)(
    'sees that a %s is cut short',
    (format) => {
      const bytes = images[format]
      expect(cutShort(format, bytes.subarray(0, bytes.byteLength - 12))).toBe(true)
    },
  )

  it('reads the EXIF orientation and leaves the stored size', () => {
    expect(readImageHeader(jpegBytes({ ...shape, orientation: 6 }))).toMatchObject({
      width: 123,
      height: 45,
      orientation: 6,
    })
  })

  it("does not take a thumbnail's end for the image's, nor trailing data for a cut", () => {
    const whole = jpegBytes({ ...shape, orientation: 3 })
    const thumbnail = Buffer.concat([
      whole.subarray(0, 2),
      Buffer.from([0xff, 0xe2, 0, 6, 1, 2, 0xff, 0xd9]),
      whole.subarray(2),
    ])
    expect(cutShort('jpeg', thumbnail)).toBe(false)
    expect(cutShort('jpeg', thumbnail.subarray(0, thumbnail.byteLength - 2))).toBe(true)
    expect(cutShort('jpeg', Buffer.concat([whole, Buffer.alloc(100_000)]))).toBe(false)
  })

  it.each([
    ['nothing', ''],
    ['text', 'not an image at all'],
    ['a start only', '\xff\xd8\xff'],
    ['another format', '\0\0\0\x20ftypheic'],
  ])('knows no header in %s', (_what, text) => {
    expect(readImageHeader(Buffer.from(text, 'latin1'))).toBeNull()
  })
})
