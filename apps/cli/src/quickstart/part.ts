import {
  boundsOf,
  distanceTo,
  type Placement,
  type Point,
  placed,
  type RoundedRect,
} from './geometry.ts'
import type { Prng } from './prng.ts'

export const imageWidth = 960
export const imageHeight = 720

/** The colours of a surface and of what is printed on it. */
interface Finish {
  readonly name: string
  readonly light: string
  readonly base: string
  readonly dark: string
  readonly print: string
  readonly printOpacity: number
  /** How strongly the traces of brushing show, 0 to 1. */
  readonly grain: number
}

const finishes: readonly [Finish, ...Finish[]] = [
  {
    name: 'brushed aluminium',
    light: '#dfe2e4',
    base: '#c3c8cb',
    dark: '#9aa1a6',
    print: '#15191d',
    printOpacity: 0.86,
    grain: 1,
  },
  {
    name: 'blue anodised',
    light: '#4f7fae',
    base: '#356391',
    dark: '#234a70',
    print: '#eaf2f8',
    printOpacity: 0.92,
    grain: 0.45,
  },
  {
    name: 'black anodised',
    light: '#4b4f54',
    base: '#373b40',
    dark: '#25282c',
    print: '#dfe3e6',
    printOpacity: 0.88,
    grain: 0.4,
  },
  {
    name: 'brass',
    light: '#e2c98c',
    base: '#c9ab66',
    dark: '#a0813f',
    print: '#2a2114',
    printOpacity: 0.85,
    grain: 0.8,
  },
]

/** A plate with cutouts and a printed field; lengths are in pixels around its middle. */
interface PartDesign {
  readonly name: string
  readonly outline: RoundedRect
  readonly cutouts: readonly RoundedRect[]
  /** Where part number, lot and code are printed. */
  readonly printField: RoundedRect
}

const at = (x: number, y: number): Point => ({ x, y })
const hole = (x: number, y: number, radius: number): RoundedRect => ({
  center: at(x, y),
  width: radius * 2,
  height: radius * 2,
  radius,
})
const slot = (x: number, y: number, width: number, height: number, radius: number) => ({
  center: at(x, y),
  width,
  height,
  radius,
})
const fieldAt = (x: number, y: number) => slot(x, y, 236, 84, 0)

const designs: readonly [PartDesign, ...PartDesign[]] = [
  {
    name: 'bracket',
    outline: slot(0, 0, 680, 420, 34),
    cutouts: [
      hole(-290, -160, 22),
      hole(290, -160, 22),
      hole(-290, 160, 22),
      hole(290, 160, 22),
      slot(130, 10, 210, 76, 38),
    ],
    printField: fieldAt(-138, -94),
  },
  {
    name: 'flange',
    outline: hole(0, 0, 268),
    cutouts: [
      hole(0, 60, 92),
      ...[30, 90, 150, 210, 270, 330]
        .map((degrees) => (degrees * Math.PI) / 180)
        .map((angle) => hole(Math.cos(angle) * 222, Math.sin(angle) * 222, 17)),
    ],
    printField: fieldAt(0, -112),
  },
  {
    name: 'rail',
    outline: slot(0, 0, 760, 290, 22),
    cutouts: [
      hole(-330, 0, 26),
      hole(330, 0, 26),
      slot(-120, 84, 250, 34, 17),
      slot(190, 84, 160, 34, 17),
      hole(262, -82, 13),
      hole(200, -82, 13),
    ],
    printField: fieldAt(-130, -52),
  },
  {
    name: 'cover',
    outline: slot(0, 0, 560, 470, 90),
    cutouts: [
      hole(-205, -160, 18),
      hole(205, -160, 18),
      hole(-205, 160, 18),
      hole(205, 160, 18),
      slot(-90, 70, 150, 150, 24),
      slot(110, 70, 130, 44, 10),
    ],
    printField: fieldAt(0, -108),
  },
]

/** A part as it lies under the camera. */
export interface Part {
  readonly design: PartDesign
  readonly finish: Finish
  readonly placement: Placement
  readonly partNumber: string
  readonly lot: string
  /** Where the light comes from, in degrees. */
  readonly lightDegrees: number
  /** 1 is as usual. */
  readonly exposure: number
}

/** Puts a part on the belt, wholly inside the image. */
export function drawPart(prng: Prng): Part {
  const design = prng.pick(designs)
  const degrees = prng.between(-9, 9) + (prng.chance(0.15) ? 180 : 0)
  const extent = boundsOf(cornersOf(design.outline, { center: at(0, 0), degrees }))
  const room = (size: number, part: number) => Math.max(0, (size - part) / 2 - 14)
  const shift = (space: number) => prng.between(-1, 1) * Math.min(space, 60)
  return {
    design,
    finish: prng.pick(finishes),
    placement: {
      center: at(
        imageWidth / 2 + shift(room(imageWidth, extent.width)),
        imageHeight / 2 + shift(room(imageHeight, extent.height)),
      ),
      degrees,
    },
    partNumber: `MT-${prng.integer(200, 899)}${prng.pick(['A', 'B'])}`,
    lot: `LOT ${String(prng.integer(10, 990)).padStart(4, '0')}`,
    lightDegrees: prng.between(200, 340),
    exposure: prng.between(0.86, 1.1),
  }
}

/** A point of the surface at least `margin` away from edges and print, as a point of the image. */
export function surfacePoint(part: Part, margin: number, prng: Prng): Point | undefined {
  const { outline } = part.design
  for (let attempt = 0; attempt < 60; attempt++) {
    const point = {
      x: prng.between(-0.5, 0.5) * outline.width,
      y: prng.between(-0.5, 0.5) * outline.height,
    }
    if (isSurface(part.design, point, margin)) return placed(point, part.placement)
  }
  return undefined
}

/** Whether a point of the image lies on the surface, `margin` away from its edges. */
export function isOnPart(part: Part, point: Point, margin: number): boolean {
  const { center, degrees } = part.placement
  const moved = { x: point.x - center.x, y: point.y - center.y }
  const local = placed(moved, { center: at(0, 0), degrees: -degrees })
  return isMetal(part.design, local, margin)
}

function isMetal(design: PartDesign, point: Point, margin: number): boolean {
  return (
    distanceTo(design.outline, point) <= -margin &&
    design.cutouts.every((cutout) => distanceTo(cutout, point) >= margin)
  )
}

function isSurface(design: PartDesign, point: Point, margin: number): boolean {
  return isMetal(design, point, margin) && distanceTo(design.printField, point) >= margin
}

/** The corners of a rectangle of the part, as points of the image. */
function cornersOf(rect: RoundedRect, placement: Placement): Point[] {
  const [right, bottom] = [rect.width / 2, rect.height / 2]
  return [at(-right, -bottom), at(right, -bottom), at(right, bottom), at(-right, bottom)].map(
    (corner) => placed({ x: rect.center.x + corner.x, y: rect.center.y + corner.y }, placement),
  )
}
