import type { Point } from './geometry.ts'

/** Seven rows of five dots, top first, the left dot the highest bit. */
const glyphs: Readonly<Record<string, readonly number[]>> = {
  '0': [14, 17, 19, 21, 25, 17, 14],
  '1': [4, 12, 4, 4, 4, 4, 14],
  '2': [14, 17, 1, 2, 4, 8, 31],
  '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2],
  '5': [31, 16, 30, 1, 1, 17, 14],
  '6': [6, 8, 16, 30, 17, 17, 14],
  '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14],
  '9': [14, 17, 17, 15, 1, 2, 12],
  A: [14, 17, 17, 31, 17, 17, 17],
  B: [30, 17, 17, 30, 17, 17, 30],
  L: [16, 16, 16, 16, 16, 16, 31],
  M: [17, 27, 21, 21, 17, 17, 17],
  O: [14, 17, 17, 17, 17, 17, 14],
  S: [15, 16, 16, 14, 1, 1, 30],
  T: [31, 4, 4, 4, 4, 4, 4],
  '-': [0, 0, 0, 31, 0, 0, 0],
  ' ': [0, 0, 0, 0, 0, 0, 0],
}

/** Columns from one character to the next. */
export const characterPitch = 6

/**
 * The dots of an ink-jet or dot-peen line, `pitch` apart, from the top left at `origin`. Drawn by
 * ourselves because a machine without fonts has to draw the same sample.
 */
export function dotMatrix(text: string, origin: Point, pitch: number): Point[] {
  return [...text].flatMap((character, position) =>
    (glyphs[character] ?? []).flatMap((bits, row) =>
      [0, 1, 2, 3, 4]
        .filter((column) => bits & (16 >> column))
        .map((column) => ({
          x: origin.x + (position * characterPitch + column) * pitch,
          y: origin.y + row * pitch,
        })),
    ),
  )
}
