import type { Defect } from './defects.ts'
import { characterPitch, dotMatrix } from './dot-matrix.ts'
import { boundsOf, type Point, placed } from './geometry.ts'
import type { Part } from './part.ts'
import type { Prng } from './prng.ts'
import { dotsPath, number } from './svg.ts'

interface Line {
  readonly text: string
  readonly origin: Point
  readonly pitch: number
}

/** What the printer left on a part; `svg` is in pixels of the image. */
export interface Print {
  readonly svg: string
  readonly misprint: Defect | undefined
}

/** Prints part number, lot and a code of squares, once in a while badly. */
export function drawPrint(part: Part, prng: Prng, options: { readonly failing: boolean }): Print {
  const { printField } = part.design
  const corner = {
    x: printField.center.x - printField.width / 2,
    y: printField.center.y - printField.height / 2,
  }
  const lines: readonly [Line, Line] = [
    { text: part.partNumber, origin: { x: corner.x + 8, y: corner.y + 12 }, pitch: 3.9 },
    { text: part.lot, origin: { x: corner.x + 8, y: corner.y + 52 }, pitch: 3.3 },
  ]
  const failed = options.failing ? failedLine(part, prng.pick(lines), prng) : undefined
  const sound = lines
    .filter((line) => line !== failed?.line)
    .map((line) => stroke(dotMatrix(line.text, line.origin, line.pitch), line.pitch))
  const squares = codeSquares({ x: corner.x + 178, y: corner.y + 14 }, prng)
  const { center, degrees } = part.placement
  const turn = `transform="translate(${number(center.x)} ${number(center.y)}) rotate(${number(degrees)})"`
  const ink = `fill="${part.finish.print}" stroke="${part.finish.print}" opacity="${part.finish.printOpacity}"`
  return {
    svg: `<g ${turn} ${ink}><path d="${squares}" stroke="none"/>${sound.join('')}${failed?.svg ?? ''}</g>`,
    misprint: failed?.defect,
  }
}

interface FailedLine {
  readonly line: Line
  readonly svg: string
  readonly defect: Defect
}

function failedLine(part: Part, line: Line, prng: Prng): FailedLine {
  const kind = prng.pick(['smeared', 'doubled', 'faded'])
  const dots = dotMatrix(line.text, line.origin, line.pitch)
  const size = prng.integer(3, 5)
  const first = prng.integer(0, line.text.length - size)
  const columnOf = (dot: Point) => (dot.x - line.origin.x) / line.pitch
  const isHit = (dot: Point) => {
    const column = columnOf(dot) + 0.01
    return column >= first * characterPitch && column < (first + size) * characterPitch
  }
  const hit = dots.filter(isHit)
  const sound = dots.filter((dot) => !isHit(dot))
  const moved = (by: Point) => (dot: Point) => ({ x: dot.x + by.x, y: dot.y + by.y })
  const layers: { readonly dots: readonly Point[]; readonly opacity: number }[] = []
  if (kind === 'smeared') {
    const drift = prng.between(-0.5, 0.5)
    for (let trail = 0; trail < 8; trail++) {
      const by = { x: trail * 2.1, y: trail * drift }
      layers.push({ dots: hit.map(moved(by)), opacity: trail === 0 ? 0.8 : 0.36 - trail * 0.034 })
    }
  } else if (kind === 'doubled') {
    const by = { x: prng.between(4, 7), y: prng.between(-6, -3.5) }
    layers.push({ dots: hit, opacity: 0.8 }, { dots: hit.map(moved(by)), opacity: 0.55 })
  } else {
    const kept = hit.filter(() => prng.chance(0.42))
    layers.push({ dots: hit, opacity: 0.13 }, { dots: kept, opacity: 0.5 })
  }
  const painted = layers.flatMap((layer) => layer.dots)
  const reach = dotSize(line.pitch) / 2
  const edges = painted.flatMap(({ x, y }) =>
    [-reach, reach].flatMap((dx) => [-reach, reach].map((dy) => ({ x: x + dx, y: y + dy }))),
  )
  return {
    line,
    svg:
      stroke(sound, line.pitch) +
      layers.map((layer) => stroke(layer.dots, line.pitch, layer.opacity)).join(''),
    defect: {
      label: 'misprint',
      difficult: false,
      bounds: boundsOf(edges.map((point) => placed(point, part.placement))),
      svg: '',
    },
  }
}

function dotSize(pitch: number): number {
  return pitch * 0.86
}

function stroke(dots: readonly Point[], pitch: number, opacity = 1): string {
  return `<path d="${dotsPath(dots)}" fill="none" stroke-linecap="round" stroke-width="${number(dotSize(pitch))}" stroke-opacity="${number(opacity)}"/>`
}

/** A square code that looks like a Data Matrix and says nothing. */
function codeSquares(origin: Point, prng: Prng): string {
  const modules = 12
  const size = 4.4
  let path = ''
  for (let row = 0; row < modules; row++) {
    for (let column = 0; column < modules; column++) {
      const border = column === 0 || row === modules - 1
      const timing = row === 0 ? column % 2 === 0 : column === modules - 1 ? row % 2 === 1 : false
      const inside = row > 0 && column < modules - 1 && prng.chance(0.48)
      if (!border && !timing && !inside) continue
      path += `M${number(origin.x + column * size)} ${number(origin.y + row * size)}h${size}v${size}h-${size}z`
    }
  }
  return path
}
