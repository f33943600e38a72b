/*
 * The differential stories, as many and as long as wanted, and a table of what was found:
 *
 *   MINDTRACE_TEST_MONGODB_URL=… MINDTRACE_TEST_PYTHON=… \
 *     node --conditions=@mindtrace/source tests/mongo/differential/by-hand.ts FIRST_SEED STORIES STEPS
 */
import { openOurs, openTheirs } from './open-sides.ts'
import { runStory } from './run-story.ts'

const [first = 1, stories = 10, steps = 300] = process.argv.slice(2).map(Number)
const server = process.env.MINDTRACE_TEST_MONGODB_URL ?? ''

const totals = { calls: 0, differences: 0 }
const deviations: Record<string, number> = {}
const successes: Record<string, number> = {}
await using theirs = await openTheirs(server)
for (let seed = first; seed < first + stories; seed += 1) {
  await theirs.empty()
  await using sides = await openOurs(server, theirs.databaseName)
  const { ask, database } = theirs
  const told = await runStory({ theirs: ask, database, ours: sides.ours }, seed, steps)
  for (const difference of told.differences) process.stdout.write(`${difference}\n\n`)
  totals.calls += told.calls
  totals.differences += told.differences.length
  add(deviations, told.deviations)
  add(successes, told.successes)
  process.stderr.write(`seed ${seed}: ${told.calls} calls, ${told.differences.length} differ\n`)
}
process.stdout.write(`${JSON.stringify({ ...totals, deviations, successes }, null, 1)}\n`)

function add(to: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) to[name] = (to[name] ?? 0) + count
}
