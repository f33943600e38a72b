import type { Clock } from '../clock.ts'
import { type Instant, toInstant } from '../instant.ts'

/** A clock that stands at `start` and goes on by `stepMs` with every reading. */
export function fixedClock(start: Instant = '2026-01-02T03:04:05.000Z', stepMs = 1): Clock {
  let next = new Date(start).getTime()
  return {
    now: () => {
      const now = toInstant(new Date(next))
      next += stepMs
      return now
    },
  }
}
