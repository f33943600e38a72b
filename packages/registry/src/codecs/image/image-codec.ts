import { isMindtraceError } from '@mindtrace/core'
import type { Codec } from '../codec.ts'
import { pngCodec } from '../png-codec.ts'
import { defaultLimitBytes, noValue } from '../stored-files.ts'
import { type Pixels, readPixels, writePng } from './pixels.ts'

/** Pillow images as {@link Pixels}: decoded when they are loaded, stored as PNG. */
export const imageCodec: Codec<Pixels> = {
  name: 'image',
  contentType: 'image/png',
  materializers: pngCodec.materializers,
  accepts: (value) =>
    typeof value === 'object' && value !== null && 'channels' in value && 'depth' in value,
  encode: async (pixels) => pngCodec.encode(await writePng(pixels)),
  async decode(files, options) {
    const png = await pngCodec.decode(files, options)
    const bytesPerPixel = png.channels * Math.ceil(png.bitDepth / 8)
    const limitPixels = Math.floor((options?.limitBytes ?? defaultLimitBytes) / bytesPerPixel)
    try {
      return await readPixels(png, { limitPixels })
    } catch (cause) {
      if (isMindtraceError(cause, 'INVALID_INPUT')) throw noValue(files.object, 'image', cause)
      throw cause
    }
  },
}
