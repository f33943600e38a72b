import { describe, expect, it } from 'vitest'
import { type DefectLabel, defectLabels } from './defects.ts'
import { imageHeight, imageWidth, isOnPart } from './part.ts'
import { Prng } from './prng.ts'
import { drawScene } from './scene.ts'
import { vocCorners } from './voc-xml.ts'

const scenes = Array.from({ length: 200 }, (_, index) => drawScene(new Prng(11).fork(index)))

describe('drawScene', () => {
  it('draws the same picture from the same numbers', () => {
    expect(drawScene(new Prng(5)).svg).toBe(drawScene(new Prng(5)).svg)
    expect(drawScene(new Prng(5)).svg).not.toBe(drawScene(new Prng(6)).svg)
  })

  it('draws every class, and some parts without a defect', () => {
    const labels = new Set<DefectLabel>(scenes.flatMap((s) => s.defects.map((d) => d.label)))
    expect([...labels].sort()).toEqual([...defectLabels].sort())
    const sound = scenes.filter((scene) => scene.defects.length === 0).length
    expect(sound).toBeGreaterThan(15)
    expect(sound).toBeLessThan(80)
  })

  it('keeps every defect on its part and inside the image', () => {
    for (const scene of scenes) {
      for (const { bounds } of scene.defects) {
        const middle = { x: bounds.x + bounds.width / 2, y: bounds.y + bounds.height / 2 }
        expect(bounds.x).toBeGreaterThanOrEqual(0)
        expect(bounds.y).toBeGreaterThanOrEqual(0)
        expect(bounds.x + bounds.width).toBeLessThanOrEqual(imageWidth)
        expect(bounds.y + bounds.height).toBeLessThanOrEqual(imageHeight)
        expect(isOnPart(scene.part, middle, -40)).toBe(true)
      }
    }
  })

  it('writes numbers that SVG can read', () => {
    for (const scene of scenes) expect(scene.svg).not.toMatch(/NaN|undefined|Infinity/)
  })
})

describe('vocCorners', () => {
  it('counts from 1 and includes the last pixel', () => {
    expect(vocCorners({ x: 0, y: 0, width: 1, height: 2 })).toEqual({
      xmin: 1,
      ymin: 1,
      xmax: 1,
      ymax: 2,
    })
    expect(vocCorners({ x: 9.5, y: 10, width: 5.2, height: 709.9 })).toEqual({
      xmin: 10,
      ymin: 11,
      xmax: 15,
      ymax: 720,
    })
  })
})
