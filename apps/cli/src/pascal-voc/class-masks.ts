import { MindtraceError } from '@mindtrace/core'
import { vocClasses } from '@mindtrace/formats/voc'
import { decode, encode } from 'fast-png'

/** What one class covers of an image: 8-bit grey, 255 inside and 0 elsewhere. */
export interface ClassMask {
  readonly className: string
  readonly png: Uint8Array
}

/**
 * The masks of the classes in a mask of palette indices, by rising id; 0 is background, 255 void.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` for what is no PNG with a palette.
 */
export function classMasks(bytes: Uint8Array, path: string): ClassMask[] {
  let image: ReturnType<typeof decode>
  try {
    image = decode(bytes, { checkCrc: true })
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `'${path}' is no PNG that can be read`, { cause })
  }
  const { width, height, palette, channels } = image
  if (palette === undefined || channels !== 1) {
    throw new MindtraceError('INVALID_INPUT', `'${path}' has no palette: it is no class mask`)
  }
  const indices = unpacked(image)
  const present = new Set(indices)
  return vocClasses.flatMap((className, index) => {
    if (!present.has(index + 1)) return []
    const data = indices.map((value) => (value === index + 1 ? 255 : 0))
    return [{ className, png: encode({ width, height, data, channels: 1, depth: 8 }) }]
  })
}

/** One byte a pixel; rows of fewer bits each begin with a byte of their own. */
function unpacked({ width, height, data, depth }: ReturnType<typeof decode>): Uint8Array {
  if (depth === 8) return Uint8Array.from(data)
  const perByte = 8 / depth
  const rowBytes = Math.ceil(width / perByte)
  const mask = 2 ** depth - 1
  const indices = new Uint8Array(width * height)
  for (let at = 0; at < indices.length; at += 1) {
    const [x, y] = [at % width, Math.floor(at / width)]
    const byte = data[y * rowBytes + Math.floor(x / perByte)] as number
    indices[at] = (byte >> (8 - depth - (x % perByte) * depth)) & mask
  }
  return indices
}
