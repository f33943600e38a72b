import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { python } from '../../python/run-story.ts'
import { openOurs, openTheirs, type Theirs } from './open-sides.ts'
import { runStory } from './run-story.ts'

const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

/** Seeds that found something once come first. */
const seeds = [101, 107, 1, 2]
const steps = 120

describe.skipIf(server === '' || (python ?? '') === '')(
  'random calls, with MINDTRACE_TEST_MONGODB_URL and MINDTRACE_TEST_PYTHON',
  () => {
    let theirs: Theirs
    beforeAll(async () => {
      theirs = await openTheirs(server)
    }, 180_000)
    afterAll(() => theirs[Symbol.asyncDispose]())

    test.each(seeds)(
      'are answered as the Python service answers them, or better on purpose: seed %d',
      async (seed) => {
        await theirs.empty()
        await using sides = await openOurs(server, theirs.databaseName)
        const { ask, database } = theirs
        const told = await runStory({ theirs: ask, database, ours: sides.ours }, seed, steps)
        expect(told.differences).toEqual([])
        expect(Object.keys(told.successes).length).toBeGreaterThan(15)
      },
      240_000,
    )
  },
)
