/** A rectangle in pixels from the image's top left corner, 0-based: it covers `x` to `x + width`. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** What a `bndbox` element holds. NaN: the element is missing or no number. */
export interface Corners {
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

export interface ImageSize {
  readonly width: number
  readonly height: number
}

/**
 * `voc`: corners count pixels from 1 and both belong to the box, so `x = xmin - 1` and
 * `width = xmax - xmin + 1`; fractions are kept. `reference`: the numbers of the Python importer, which
 * cuts fractions off and takes `x = xmin`, `width = xmax - xmin`.
 */
export type BoxConvention = 'voc' | 'reference'

/** Converts corners to a box; it is neither clipped nor checked. NaN stays NaN in `voc`. */
export function toBox(corners: Corners, convention: BoxConvention): Box {
  if (convention === 'voc') {
    return {
      x: corners.xmin - 1,
      y: corners.ymin - 1,
      width: corners.xmax - corners.xmin + 1,
      height: corners.ymax - corners.ymin + 1,
    }
  }
  const [xmin, ymin, xmax, ymax] = [corners.xmin, corners.ymin, corners.xmax, corners.ymax].map(
    (value) => Math.trunc(value) || 0,
  ) as [number, number, number, number]
  return { x: xmin, y: ymin, width: Math.max(0, xmax - xmin), height: Math.max(0, ymax - ymin) }
}

/** The corners that {@link toBox} with `voc` makes this box of. */
export function toCorners(box: Box): Corners {
  return { xmin: box.x + 1, ymin: box.y + 1, xmax: box.x + box.width, ymax: box.y + box.height }
}

export type ClippedBox =
  | { readonly outcome: 'inside' | 'clipped'; readonly box: Box }
  /** `empty`: it has no area. `outside`: none of its area is in the image. */
  | { readonly outcome: 'empty' | 'outside' }

/** The part of a box that lies in the image. Edges that need no cut keep their numbers to the bit. */
export function clipBox(box: Box, image: ImageSize): ClippedBox {
  if (!(box.width > 0 && box.height > 0)) return { outcome: 'empty' }
  const [x, width] = clipSpan(box.x, box.width, image.width)
  const [y, height] = clipSpan(box.y, box.height, image.height)
  if (!(width > 0 && height > 0)) return { outcome: 'outside' }
  const isWhole = x === box.x && y === box.y && width === box.width && height === box.height
  return { outcome: isWhole ? 'inside' : 'clipped', box: { x, y, width, height } }
}

function clipSpan(start: number, length: number, limit: number): [start: number, length: number] {
  if (start >= 0 && start + length <= limit) return [start, length]
  const clippedStart = Math.max(0, start)
  return [clippedStart, Math.min(limit, start + length) - clippedStart]
}
