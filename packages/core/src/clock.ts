import { type Instant, toInstant } from './instant.ts'

/** Where the time comes from. Tests give a fixed one. */
export interface Clock {
  now(): Instant
}

/** The clock of the machine. */
export const systemClock: Clock = { now: () => toInstant(new Date()) }
