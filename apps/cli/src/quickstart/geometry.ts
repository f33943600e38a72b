/** A point in pixels, y downwards. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** An upright rectangle in pixels. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** A rectangle around a centre with rounded corners; a circle when `radius` is half its sides. */
export interface RoundedRect {
  readonly center: Point
  readonly width: number
  readonly height: number
  readonly radius: number
}

/** Where a part lies in the image: its middle, and its turn in degrees. */
export interface Placement {
  readonly center: Point
  readonly degrees: number
}

/** A point of the part as a point of the image. */
export function placed(point: Point, placement: Placement): Point {
  const angle = (placement.degrees * Math.PI) / 180
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  return {
    x: placement.center.x + point.x * cos - point.y * sin,
    y: placement.center.y + point.x * sin + point.y * cos,
  }
}

/** How far a point is outside of the rectangle; negative inside. */
export function distanceTo(rect: RoundedRect, point: Point): number {
  const dx = Math.abs(point.x - rect.center.x) - rect.width / 2 + rect.radius
  const dy = Math.abs(point.y - rect.center.y) - rect.height / 2 + rect.radius
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - rect.radius
}

/** The smallest box that holds all points. */
export function boundsOf(points: readonly Point[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (const { x, y } of points) {
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x)
    bottom = Math.max(bottom, y)
  }
  return { x: left, y: top, width: right - left, height: bottom - top }
}

/** Points of a closed curve around `center`; `radiusAt` takes the angle in radians. */
export function ring(center: Point, count: number, radiusAt: (angle: number) => number): Point[] {
  return Array.from({ length: count }, (_, index) => {
    const angle = (index / count) * 2 * Math.PI
    const radius = radiusAt(angle)
    return { x: center.x + Math.cos(angle) * radius, y: center.y + Math.sin(angle) * radius }
  })
}
