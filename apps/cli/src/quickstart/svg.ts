import type { Point, RoundedRect } from './geometry.ts'

/** A number as short SVG text: two decimals at most, the same on every machine. */
export function number(value: number): string {
  return String(Math.round(value * 100) / 100 + 0)
}

/** A closed path through the points, as straight lines. */
export function polygonPath(points: readonly Point[]): string {
  return `M${points.map(({ x, y }) => `${number(x)} ${number(y)}`).join('L')}Z`
}

/** The outline of a rounded rectangle as a path. */
export function roundedRectPath({ center, width, height, radius }: RoundedRect): string {
  const r = number(radius)
  const across = number(width - 2 * radius)
  const down = number(height - 2 * radius)
  const arc = (dx: string, dy: string) => `a${r} ${r} 0 0 1 ${dx} ${dy}`
  return (
    `M${number(center.x - width / 2 + radius)} ${number(center.y - height / 2)}` +
    `h${across}${arc(r, r)}v${down}${arc(`-${r}`, r)}h-${across}${arc(`-${r}`, `-${r}`)}v-${down}${arc(r, `-${r}`)}Z`
  )
}

/** A path that paints a dot at every point when stroked with round caps. */
export function dotsPath(points: readonly Point[]): string {
  return points.map(({ x, y }) => `M${number(x)} ${number(y)}h0`).join('')
}
