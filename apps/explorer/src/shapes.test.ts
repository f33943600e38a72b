import { describe, expect, it } from 'vitest'
import { anchorOf, describeGeometry, shapeOf } from './shapes.ts'

describe('shapeOf', () => {
  it('reads boxes and both ways of writing points', () => {
    const box = { x: 1, y: 2, width: 3, height: 4 }
    expect(shapeOf('bbox', box)).toEqual({ form: 'box', ...box })
    const points = [
      { x: 0, y: 0 },
      { x: 5, y: 5 },
    ]
    expect(shapeOf('polygon', { points })).toEqual({ form: 'path', points, closed: true })
    expect(
      shapeOf('polyline', {
        points: [
          [0, 0],
          [5, 5],
        ],
      }),
    ).toEqual({
      form: 'path',
      points,
      closed: false,
    })
  })

  it('draws nothing for what it can not read', () => {
    expect(shapeOf('bbox', { x: 1 })).toBeUndefined()
    expect(shapeOf('bbox', { x: 'a', y: 0, width: 1, height: 1 })).toBeUndefined()
    expect(shapeOf('polygon', { points: [null, [1, 2]] })).toBeUndefined()
    expect(shapeOf('classification', {})).toBeUndefined()
  })
})

describe('anchorOf', () => {
  it('scales the corner to percent of the image and keeps it inside', () => {
    const size = { width: 960, height: 720 }
    expect(anchorOf({ form: 'box', x: 240, y: 360, width: 9, height: 9 }, size)).toEqual({
      x: 25,
      y: 50,
    })
    expect(anchorOf({ form: 'box', x: -5, y: 9000, width: 9, height: 9 }, size)).toEqual({
      x: 0,
      y: 100,
    })
  })
})

describe('describeGeometry', () => {
  it('says a box in one line', () => {
    expect(describeGeometry({ x: 10.04, y: 2, width: 30, height: 4 })).toBe('30 × 4 at 10, 2')
    expect(describeGeometry({ points: [1, 2, 3] })).toBe('3 points')
  })
})
