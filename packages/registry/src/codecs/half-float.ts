/** The number that 16 bits of IEEE 754 mean. Exact. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The nearest 16 bits of IEEE 754, ties to even, as numpy rounds. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (magnitude >= 65520) return sign | 0x7c00
  // One unit in the last place of this magnitude; subnormal numbers share the smallest.
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)))
  const isBelow = magnitude < 2 ** exponent
  const scale = isBelow ? Math.max(-14, exponent - 1) : exponent
  const units = roundToEven(magnitude / 2 ** (scale - 10))
  // Rounding up to the next power of two carries into the exponent by itself.
  return sign | (units < 1024 ? units : ((scale + 14) << 10) + units)
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
