import { type Box, boundsOf, type Point, ring } from './geometry.ts'
import { isOnPart, type Part, surfacePoint } from './part.ts'
import type { Prng } from './prng.ts'
import { number, polygonPath } from './svg.ts'

/** The classes of the sample, in the order in which they are numbered. */
export const defectLabels = ['scratch', 'dent', 'stain', 'misprint'] as const
export type DefectLabel = (typeof defectLabels)[number]

/** A defect as drawn, in pixels of the image. */
export interface Defect {
  readonly label: DefectLabel
  /** Hard to see, as VOC's `difficult`. */
  readonly difficult: boolean
  /** What the drawing covers, computed from the drawn points. */
  readonly bounds: Box
  readonly svg: string
}

/** A scratch: a thin bright groove with a dark edge, tapering at both ends. */
export function drawScratch(part: Part, prng: Prng): Defect | undefined {
  const start = surfacePoint(part, 16, prng)
  if (start === undefined) return undefined
  const length = prng.between(60, 240)
  const widest = prng.between(1.6, 3.4)
  const faint = prng.chance(0.18)
  const bend = prng.between(-0.012, 0.012)
  const step = 5
  const points: Point[] = [start]
  let heading = prng.between(0, 2 * Math.PI)
  for (let drawn = 0; drawn < length; drawn += step) {
    heading += bend + prng.between(-0.09, 0.09)
    const last = points.at(-1) as Point
    const next = { x: last.x + Math.cos(heading) * step, y: last.y + Math.sin(heading) * step }
    if (!isOnPart(part, next, 8)) break
    points.push(next)
  }
  if (points.length < 9) return undefined
  const groove = ribbon(points, (along) => widest * Math.sin(Math.PI * along) ** 0.6)
  const edge = groove.map(({ x, y }) => ({ x: x + 1.2, y: y + 1.4 }))
  const visible = faint ? 0.42 : 1
  return {
    label: 'scratch',
    difficult: faint,
    bounds: boundsOf([...groove, ...edge]),
    svg:
      `<path d="${polygonPath(edge)}" fill="#000" fill-opacity="${number(0.5 * visible)}"/>` +
      `<path d="${polygonPath(groove)}" fill="#fff" fill-opacity="${number(0.85 * visible)}"/>`,
  }
}

/** A dent: dark where the surface falls away from the light, bright on the other side. */
export function drawDent(part: Part, prng: Prng): Defect | undefined {
  const radius = prng.between(13, 34)
  const center = surfacePoint(part, radius + 10, prng)
  if (center === undefined) return undefined
  const stretch = prng.between(0.78, 1)
  const turn = prng.between(0, Math.PI)
  const rim = ring(
    center,
    48,
    (angle) => radius / Math.hypot(Math.cos(angle - turn), Math.sin(angle - turn) / stretch),
  )
  const light = (part.lightDegrees * Math.PI) / 180
  const toward = { x: Math.cos(light), y: Math.sin(light) }
  const id = `dent${number(center.x)}-${number(center.y)}`
  const stop = (offset: number, color: string, opacity: number) =>
    `<stop offset="${offset}" stop-color="${color}" stop-opacity="${opacity}"/>`
  const slopes = [1, 0.86, 0.68].map(
    (scale) => `<path d="${polygonPath(scaled(rim, center, scale))}"/>`,
  )
  const end = (sign: number, axis: 'x' | 'y') => number(center[axis] + sign * radius * toward[axis])
  return {
    label: 'dent',
    difficult: radius < 15,
    bounds: boundsOf(rim),
    svg:
      `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${end(1, 'x')}" y1="${end(1, 'y')}" x2="${end(-1, 'x')}" y2="${end(-1, 'y')}">` +
      `${stop(0, '#000', 0.62)}${stop(0.38, '#000', 0.36)}${stop(0.62, '#000', 0.1)}${stop(0.8, '#fff', 0.3)}${stop(1, '#fff', 0.72)}</linearGradient>` +
      `<g fill="url(#${id})" fill-opacity="0.6">${slopes.join('')}</g>`,
  }
}

/** A stain: dried fluid with a darker rim and a few droplets. */
export function drawStain(part: Part, prng: Prng): Defect | undefined {
  const radius = prng.between(18, 52)
  const center = surfacePoint(part, radius * 0.8 + 8, prng)
  if (center === undefined) return undefined
  const waves = [2, 3, 5, 7].map((count) => ({
    count,
    size: prng.between(0.05, 0.3) / Math.sqrt(count),
    phase: prng.between(0, 2 * Math.PI),
  }))
  const outline = ring(center, 90, (angle) => {
    const wave = waves.reduce((sum, w) => sum + w.size * Math.sin(w.count * angle + w.phase), 0)
    return radius * (0.82 + wave)
  })
  const inner = scaled(outline, center, 0.72)
  const droplets = Array.from({ length: prng.integer(0, 3) }, () => {
    const away = prng.between(0, 2 * Math.PI)
    const distance = radius * prng.between(1.1, 1.4)
    const size = prng.between(2.2, 5)
    const middle = {
      x: center.x + Math.cos(away) * distance,
      y: center.y + Math.sin(away) * distance,
    }
    return ring(middle, 16, () => size)
  }).filter((drop) => drop.every((point) => isOnPart(part, point, 2)))
  const [fill, rim] = prng.pick([
    ['#5b3a1c', '#3a220d'],
    ['#2f2a26', '#171412'],
    ['#6b4a2a', '#4a2c12'],
  ])
  const painted = [outline, ...droplets]
  if (!outline.every((point) => isOnPart(part, point, 2))) return undefined
  return {
    label: 'stain',
    difficult: false,
    bounds: boundsOf(painted.flat()),
    svg:
      `<path d="${painted.map(polygonPath).join('')}" fill="${fill}" fill-opacity="0.46" stroke="${rim}" stroke-opacity="0.5" stroke-width="1.6" stroke-linejoin="round"/>` +
      `<path d="${polygonPath(inner)}" fill="${fill}" fill-opacity="0.22"/>`,
  }
}

function scaled(points: readonly Point[], center: Point, scale: number): Point[] {
  return points.map(({ x, y }) => ({
    x: center.x + (x - center.x) * scale,
    y: center.y + (y - center.y) * scale,
  }))
}

/** A closed band along `points`, whose width depends on how far along it is (0 to 1). */
function ribbon(points: readonly Point[], widthAt: (along: number) => number): Point[] {
  const left: Point[] = []
  const right: Point[] = []
  for (const [index, point] of points.entries()) {
    const before = points[Math.max(0, index - 1)] as Point
    const after = points[Math.min(points.length - 1, index + 1)] as Point
    const length = Math.hypot(after.x - before.x, after.y - before.y)
    const half = widthAt(index / (points.length - 1)) / 2
    const across = {
      x: (-(after.y - before.y) / length) * half,
      y: ((after.x - before.x) / length) * half,
    }
    left.push({ x: point.x + across.x, y: point.y + across.y })
    right.unshift({ x: point.x - across.x, y: point.y - across.y })
  }
  return [...left, ...right]
}
