/** What can be drawn over an image, in pixels of the original. */
export type Shape =
  | {
      readonly form: 'box'
      readonly x: number
      readonly y: number
      readonly width: number
      readonly height: number
    }
  | { readonly form: 'path'; readonly points: readonly XY[]; readonly closed: boolean }

export interface XY {
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** The shape of an annotation's geometry, or undefined where it has none that we draw. */
export function shapeOf(
  kind: string,
  geometry: Readonly<Record<string, unknown>>,
): Shape | undefined {
  const { x, y, width, height, points } = geometry
  if (kind === 'bbox' && isNumber(x) && isNumber(y) && isNumber(width) && isNumber(height)) {
    return { form: 'box', x, y, width, height }
  }
  if ((kind === 'polygon' || kind === 'polyline') && Array.isArray(points)) {
    const read = points.map(pointOf)
    if (read.length < 2 || read.includes(undefined)) return undefined
    return { form: 'path', points: read as XY[], closed: kind === 'polygon' }
  }
  return undefined
}

/** Where a shape's name goes: the top left corner of its bounds, in percent of the image. */
export function anchorOf(shape: Shape, size: Size): XY {
  const points = shape.form === 'box' ? [shape] : shape.points
  const percent = (value: number, whole: number) =>
    Math.min(100, Math.max(0, (value / whole) * 100))
  return {
    x: percent(Math.min(...points.map((point) => point.x)), size.width),
    y: percent(Math.min(...points.map((point) => point.y)), size.height),
  }
}

/** One line about a geometry for the list of annotations. */
export function describeGeometry(geometry: Readonly<Record<string, unknown>>): string {
  const { x, y, width, height, points } = geometry
  if (isNumber(x) && isNumber(y) && isNumber(width) && isNumber(height)) {
    return `${round(width)} × ${round(height)} at ${round(x)}, ${round(y)}`
  }
  if (Array.isArray(points)) return `${points.length} points`
  return Object.entries(geometry)
    .map(([key, value]) => `${key} ${isNumber(value) ? round(value) : JSON.stringify(value)}`)
    .join(', ')
}

function pointOf(value: unknown): XY | undefined {
  const [x, y] = Array.isArray(value) ? value : [(value as XY)?.x, (value as XY)?.y]
  return isNumber(x) && isNumber(y) ? { x, y } : undefined
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
