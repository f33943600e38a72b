import { crc32, deflateSync } from 'node:zlib'
import type { Bytes } from '@mindtrace/core'

export interface ImageShape {
  readonly width?: number
  readonly height?: number
}

/** A JPEG as far as its markers go: sizes, EXIF and the end are real, the scan is empty. */
export function jpegBytes(
  shape: ImageShape & { readonly orientation?: number; readonly scan?: Uint8Array } = {},
): Bytes {
  const { width = 100, height = 80, orientation, scan = new Uint8Array([1, 2, 3]) } = shape
  const exif = [
    ...bytesOfText('Exif\0\0II*\0'),
    ...[8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation ?? 1, 0, 0, 0, 0, 0, 0, 0],
  ]
  return joined(
    [0xff, 0xd8],
    orientation === undefined ? segment(0xdb, new Array<number>(65).fill(1)) : segment(0xe1, exif),
    segment(0xc0, [8, ...uint16(height), ...uint16(width), 1, 1, 0x11, 0]),
    segment(0xda, [1, 1, 0, 0, 63, 0]),
    scan,
    [0xff, 0xd9],
  )
}

/** A grey PNG of one value, decodable. */
export function pngBytes(shape: ImageShape & { readonly value?: number } = {}): Bytes {
  const { width = 100, height = 80, value = 0 } = shape
  const row = [0, ...new Array<number>(width).fill(value)]
  const rows = new Uint8Array(Array.from({ length: height }, () => row).flat())
  return joined(
    bytesOfText('\x89PNG\r\n\x1a\n'),
    chunk('IHDR', [...uint32(width), ...uint32(height), 8, 0, 0, 0, 0]),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', []),
  )
}

export function gifBytes({ width = 100, height = 80 }: ImageShape = {}): Bytes {
  return joined(
    bytesOfText('GIF89a'),
    [width & 255, width >> 8, height & 255, height >> 8, 0, 0, 0],
    [0x3b],
  )
}

export function bmpBytes({ width = 100, height = 80 }: ImageShape = {}): Bytes {
  const bytes = new Uint8Array(54 + width * height * 3)
  const view = new DataView(bytes.buffer)
  bytes.set(bytesOfText('BM'))
  view.setUint32(2, bytes.byteLength, true)
  view.setUint32(10, 54, true)
  view.setUint32(14, 40, true)
  view.setInt32(18, width, true)
  view.setInt32(22, height, true)
  view.setUint16(26, 1, true)
  view.setUint16(28, 24, true)
  return bytes
}

/** A lossless WebP's headers. */
export function webpBytes({ width = 100, height = 80 }: ImageShape = {}): Bytes {
  const bytes = new Uint8Array(30)
  const view = new DataView(bytes.buffer)
  bytes.set(bytesOfText('RIFF'))
  view.setUint32(4, bytes.byteLength - 8, true)
  bytes.set(bytesOfText('WEBPVP8L'), 8)
  view.setUint32(16, 10, true)
  bytes[20] = 0x2f
  view.setUint32(21, (width - 1) | ((height - 1) << 14), true)
  return bytes
}

/** A TIFF's directory behind `gap` bytes of pixels, as writers of large files put it. */
export function tiffBytes(shape: ImageShape & { readonly gap?: number } = {}): Bytes {
  const { width = 100, height = 80, gap = 0 } = shape
  const entries = [
    [256, width],
    [257, height],
    [259, 1],
    [262, 1],
  ] as const
  const offset = 8 + gap
  const bytes = new Uint8Array(offset + 2 + entries.length * 12 + 4)
  const view = new DataView(bytes.buffer)
  bytes.set(bytesOfText('II*\0'))
  view.setUint32(4, offset, true)
  view.setUint16(offset, entries.length, true)
  for (const [index, [tag, value]] of entries.entries()) {
    const at = offset + 2 + index * 12
    view.setUint16(at, tag, true)
    view.setUint16(at + 2, 3, true)
    view.setUint32(at + 4, 1, true)
    view.setUint16(at + 8, value, true)
  }
  return bytes
}

function segment(marker: number, content: readonly number[]): number[] {
  return [0xff, marker, ...uint16(content.length + 2), ...content]
}

function chunk(type: string, content: ArrayLike<number>): number[] {
  const body = [...bytesOfText(type), ...Array.from(content)]
  return [...uint32(content.length), ...body, ...uint32(crc32(new Uint8Array(body)))]
}

function uint16(value: number): number[] {
  return [value >> 8, value & 255]
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

function bytesOfText(text: string): number[] {
  return [...Buffer.from(text, 'latin1')]
}

function joined(...parts: readonly ArrayLike<number>[]): Bytes {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))))
}
