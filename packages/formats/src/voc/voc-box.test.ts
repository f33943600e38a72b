import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Box, clipBox, toBox, toCorners } from './voc-box.ts'

const image = { width: 640, height: 480 }
const pixel = fc.integer({ min: -2000, max: 2000 })
const fraction = fc.double({ min: -2000, max: 2000, noNaN: true })

describe('VOC boxes', () => {
  it('takes corners as 1-based and inclusive, and keeps fractions', () => {
    expect(toBox({ xmin: 1, ymin: 2, xmax: 5, ymax: 8 }, 'voc')).toEqual({
      x: 0,
      y: 1,
      width: 5,
      height: 7,
    })
    expect(toBox({ xmin: 1.5, ymin: 2, xmax: 5.25, ymax: 8 }, 'voc')).toMatchObject({
      x: 0.5,
      width: 4.75,
    })
  })

  it("gives the reference's numbers when asked to", () => {
    expect(toBox({ xmin: 1, ymin: 2, xmax: 5, ymax: 8 }, 'reference')).toEqual({
      x: 1,
      y: 2,
      width: 4,
      height: 6,
    })
    const odd = { xmin: 9.9, ymin: Number.NaN, xmax: 3, ymax: 8.7 }
    expect(toBox(odd, 'reference')).toEqual({ x: 9, y: 0, width: 0, height: 8 })
  })

  it('a box of one pixel has an area', () => {
    const box = toBox({ xmin: 7, ymin: 7, xmax: 7, ymax: 7 }, 'voc')
    expect(clipBox(box, image)).toEqual({
      outcome: 'inside',
      box: { x: 6, y: 6, width: 1, height: 1 },
    })
  })

  it('corners and box convert into each other', () => {
    fc.assert(
      fc.property(pixel, pixel, pixel, pixel, (xmin, ymin, xmax, ymax) => {
        const corners = { xmin, ymin, xmax, ymax }
        expect(toCorners(toBox(corners, 'voc'))).toEqual(corners)
      }),
    )
  })

  it('a clipped box lies in the image and in the box it was', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, fraction, (x, y, width, height) => {
        const box: Box = { x, y, width, height }
        const clipped = clipBox(box, image)
        if (!('box' in clipped)) return
        const { box: inner } = clipped
        expect(inner.width > 0 && inner.height > 0).toBe(true)
        expect(inner.x >= 0 && inner.y >= 0).toBe(true)
        expect(inner.x + inner.width).toBeLessThanOrEqual(image.width + 1e-9)
        expect(inner.y + inner.height).toBeLessThanOrEqual(image.height + 1e-9)
        expect(inner.x >= box.x && inner.width <= box.width + 1e-9).toBe(true)
        expect(clipBox(inner, image).outcome).not.toBe('outside')
        if (clipped.outcome === 'inside') expect(inner).toEqual(box)
      }),
    )
  })

  it('only boxes without area in the image are refused', () => {
    expect(clipBox({ x: 0, y: 0, width: 0, height: 5 }, image).outcome).toBe('empty')
    expect(clipBox({ x: 640, y: 0, width: 5, height: 5 }, image).outcome).toBe('outside')
    expect(clipBox({ x: -5, y: 0, width: 5, height: 5 }, image).outcome).toBe('outside')
    expect(clipBox({ x: -5, y: 0, width: 6, height: 5 }, image)).toEqual({
      outcome: 'clipped',
      box: { x: 0, y: 0, width: 1, height: 5 },
    })
  })
})
