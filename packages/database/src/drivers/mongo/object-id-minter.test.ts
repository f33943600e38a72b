import { expect, test } from 'vitest'
import { ObjectIdMinter } from './object-id-minter.ts'

test('makes ids that rise, within a millisecond, when it is full, and when the clock is set back', () => {
  const start = Date.UTC(2026, 0, 1)
  let now = start
  const minter = new ObjectIdMinter(() => now)
  const ids = [minter.next()]
  for (let n = 0; n < 70_000; n += 1) ids.push(minter.next())
  now += 5
  ids.push(minter.next())
  now -= 10_000
  ids.push(minter.next())
  const texts = ids.map((id) => id.toHexString())
  expect(texts).toEqual(texts.toSorted())
  expect(new Set(texts).size).toBe(texts.length)
  expect(ids[0]?.getTimestamp()).toEqual(new Date(start))
})

test('makes other ids than another one at the same time', () => {
  const now = () => 1_800_000_000_123
  expect(new ObjectIdMinter(now).next().equals(new ObjectIdMinter(now).next())).toBe(false)
})
