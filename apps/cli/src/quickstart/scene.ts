import { type Defect, drawDent, drawScratch, drawStain } from './defects.ts'
import type { Box, RoundedRect } from './geometry.ts'
import { drawPart, imageHeight, imageWidth, type Part } from './part.ts'
import { drawPrint } from './print.ts'
import type { Prng } from './prng.ts'
import { number, roundedRectPath } from './svg.ts'

/** One picture of the sample: what is drawn, and what is wrong with it. */
export interface Scene {
  readonly part: Part
  readonly defects: readonly Defect[]
  readonly svg: string
}

const surfaceDefects = [drawScratch, drawDent, drawStain] as const

/** Draws a part under the camera; every fifth or so is without a defect. */
export function drawScene(prng: Prng): Scene {
  const part = drawPart(prng)
  const isSound = prng.chance(0.18)
  const print = drawPrint(part, prng, { failing: !isSound && prng.chance(0.34) })
  const defects: Defect[] = print.misprint === undefined ? [] : [print.misprint]
  const wanted = isSound ? 0 : Math.max(defects.length, prng.pick([1, 2, 2, 3, 3, 4]))
  for (let attempt = 0; attempt < 40 && defects.length < wanted; attempt++) {
    const defect = prng.pick([...surfaceDefects])(part, prng)
    if (defect === undefined) continue
    if (defects.every((other) => !overlaps(defect.bounds, other.bounds))) defects.push(defect)
  }
  return { part, defects, svg: sceneSvg(part, print.svg, defects, prng) }
}

function overlaps(a: Box, b: Box): boolean {
  const gap = 6
  return (
    a.x < b.x + b.width + gap &&
    b.x < a.x + a.width + gap &&
    a.y < b.y + b.height + gap &&
    b.y < a.y + a.height + gap
  )
}

function sceneSvg(part: Part, print: string, defects: readonly Defect[], prng: Prng): string {
  const { design, finish, placement } = part
  const outline = roundedRectPath(design.outline)
  const cutouts = design.cutouts.map(roundedRectPath).join('')
  const body = `${outline}${cutouts}`
  const turn = `translate(${number(placement.center.x)} ${number(placement.center.y)}) rotate(${number(placement.degrees)})`
  const light = (part.lightDegrees * Math.PI) / 180
  const [lx, ly] = [Math.cos(light), Math.sin(light)]
  const local = ((part.lightDegrees - placement.degrees) * Math.PI) / 180
  const across = (id: string, stops: string) => {
    const reach = { x: Math.cos(local) * 320, y: Math.sin(local) * 320 }
    return `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${number(reach.x)}" y1="${number(reach.y)}" x2="${number(-reach.x)}" y2="${number(-reach.y)}">${stops}</linearGradient>`
  }
  const stop = (offset: number, color: string, opacity = 1) =>
    `<stop offset="${offset}" stop-color="${color}" stop-opacity="${opacity}"/>`
  const glow = { x: 480 + lx * 230, y: 360 + ly * 190 }
  const exposure =
    part.exposure < 1
      ? `<rect width="100%" height="100%" fill="#000" fill-opacity="${number(1 - part.exposure)}"/>`
      : `<rect width="100%" height="100%" fill="#fff" fill-opacity="${number((part.exposure - 1) * 0.7)}"/>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${imageWidth}" height="${imageHeight}" viewBox="0 0 ${imageWidth} ${imageHeight}"><defs>`,
    across(
      'surface',
      stop(0, finish.light) +
        stop(0.45, finish.base) +
        stop(0.7, finish.base) +
        stop(1, finish.dark),
    ),
    across('edge', stop(0, '#fff', 0.75) + stop(0.5, '#fff', 0.12) + stop(1, '#000', 0.45)),
    across('inset', stop(0, '#000', 0.6) + stop(0.5, '#000', 0.25) + stop(1, '#fff', 0.6)),
    `<radialGradient id="belt" gradientUnits="userSpaceOnUse" cx="${number(glow.x)}" cy="${number(glow.y)}" r="760">${stop(0, '#4a5356')}${stop(0.55, '#353c3f')}${stop(1, '#22282a')}</radialGradient>`,
    `<radialGradient id="glow" gradientUnits="userSpaceOnUse" cx="${number(glow.x)}" cy="${number(glow.y)}" r="420">${stop(0, '#fff', 0.34)}${stop(0.6, '#fff', 0.1)}${stop(1, '#fff', 0)}</radialGradient>`,
    '<pattern id="ribs" width="12" height="12" patternUnits="userSpaceOnUse"><path d="M0 0h12v1.4H0z" fill="#000" fill-opacity="0.2"/><path d="M0 1.4h12v1H0z" fill="#fff" fill-opacity="0.045"/></pattern>',
    `<filter id="soft" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="9"/></filter>`,
    `<clipPath id="metal"><path transform="${turn}" d="${body}" clip-rule="evenodd"/></clipPath></defs>`,
    '<rect width="100%" height="100%" fill="url(#belt)"/><rect width="100%" height="100%" fill="url(#ribs)"/>',
    `<g transform="translate(${number(-lx * 13)} ${number(-ly * 13)})"><path transform="${turn}" d="${body}" fill="#000" fill-opacity="0.6" fill-rule="evenodd" filter="url(#soft)"/></g>`,
    `<g transform="${turn}"><path d="${cutouts}" fill="#000" fill-opacity="0.34"/>`,
    `<path d="${body}" fill="url(#surface)" fill-rule="evenodd"/></g>`,
    `<g clip-path="url(#metal)"><g transform="${turn}">${brushing(design.outline, finish.grain, prng)}</g>`,
    `<rect width="100%" height="100%" fill="url(#glow)"/></g>`,
    `<g transform="${turn}" fill="none">${countersinks(design.cutouts)}`,
    `<path d="${outline}" stroke="url(#edge)" stroke-width="3"/><path d="${cutouts}" stroke="url(#inset)" stroke-width="2.6"/></g>`,
    print,
    ...defects.map((defect) => defect.svg),
    exposure,
    '</svg>',
  ].join('')
}

function countersinks(cutouts: readonly RoundedRect[]): string {
  return cutouts
    .filter(({ width, height, radius }) => width === height && radius * 2 === width && radius < 30)
    .map(
      ({ center, radius }) =>
        `<circle cx="${center.x}" cy="${center.y}" r="${radius + 6}" stroke="url(#inset)" stroke-width="1.8" stroke-opacity="0.8"/>`,
    )
    .join('')
}

/** Fine lines along the plate, light and dark, as brushing leaves them. */
function brushing(outline: RoundedRect, grain: number, prng: Prng): string {
  const layers = [
    { color: '#fff', opacity: 0.2 },
    { color: '#000', opacity: 0.11 },
    { color: '#fff', opacity: 0.12 },
    { color: '#000', opacity: 0.06 },
  ]
  return layers
    .map(({ color, opacity }) => {
      let path = ''
      for (let line = 0; line < 110; line++) {
        const x = prng.between(-0.75, 0.4) * outline.width
        const y = prng.between(-0.5, 0.5) * outline.height
        path += `M${Math.round(x)} ${number(y)}h${Math.round(prng.between(0.12, 0.7) * outline.width)}`
      }
      return `<path d="${path}" fill="none" stroke="${color}" stroke-opacity="${number(opacity * grain)}" stroke-width="0.9"/>`
    })
    .join('')
}
