import type { Prng } from './prng.ts'

/** The names of the images of each split, in order. */
export interface Splits {
  readonly train: readonly string[]
  readonly val: readonly string[]
  readonly test: readonly string[]
}

/** Divides at random: 70 of 100 for training, 15 for validation, 15 for testing. */
export function divideIntoSplits(names: readonly string[], prng: Prng): Splits {
  const heldBack = Math.round(names.length * 0.15)
  const order = prng.shuffled(names)
  const val = order.slice(0, heldBack).sort()
  const test = order.slice(heldBack, 2 * heldBack).sort()
  const train = order.slice(2 * heldBack).sort()
  return { train, val, test }
}
