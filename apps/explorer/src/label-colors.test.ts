import { describe, expect, it } from 'vitest'
import { colorOf, labelColors, palette } from './label-colors.ts'

describe('labelColors', () => {
  it('gives the same colours whatever the order', () => {
    const labels = ['scratch', 'dent', 'stain', 'misprint']
    expect(labelColors(labels)).toEqual(labelColors([...labels].reverse()))
  })

  it('gives no colour twice while there are enough', () => {
    const labels = Array.from({ length: palette.length }, (_, index) => `label ${index}`)
    expect(new Set(labelColors(labels).values()).size).toBe(palette.length)
  })

  it('goes on when there are more labels than colours', () => {
    const labels = Array.from({ length: 80 }, (_, index) => `label ${index}`)
    expect(labelColors(labels).size).toBe(80)
  })

  it('has a colour for a label it never saw', () => {
    expect(palette).toContain(colorOf(labelColors([]), 'unknown'))
  })

  it('keeps dark text readable on every colour', () => {
    for (const color of palette) expect(contrast(color, '#14171a')).toBeGreaterThan(4.5)
  })
})

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5]
    .map((start) => Number.parseInt(color.slice(start, start + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
