import type { Prng } from './prng.ts'

/** Renders SVG text to JPEG bytes. */
export type RenderJpeg = (svg: string) => Promise<Uint8Array>

/** Loads the renderer (sharp) and makes the camera's noise once for all pictures. */
export async function openRenderer(prng: Prng): Promise<RenderJpeg> {
  const { default: sharp } = await import('sharp')
  const side = 256
  const noise = Buffer.alloc(side * side * 3)
  for (let pixel = 0; pixel < side * side; pixel++) {
    const value = 128 + (prng.next() + prng.next() + prng.next() - 1.5) * 16
    noise.fill(value, pixel * 3, pixel * 3 + 3)
  }
  const raw = { width: side, height: side, channels: 3 } as const
  return (svg) =>
    sharp(Buffer.from(svg))
      .removeAlpha()
      .composite([{ input: noise, raw, tile: true, blend: 'soft-light' }])
      .jpeg({ quality: 82 })
      .toBuffer()
}
