import { type TaskName, taskPath, tasks } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import { oldPython, python, runStory, runStoryWith } from './run-story.ts'
import { lakeKinds, type ServedLake, serveNewLake } from './served-lake.ts'

/** Answered by the process, not by a handler of the lake; asking for it would end the service. */
const ending: TaskName = 'shutdown'

/** The tasks that answer anything but 501, found with bodies that no task takes. */
async function finishedTasks({ address, headers }: ServedLake): Promise<TaskName[]> {
  const finished: TaskName[] = [ending]
  for (const name of Object.keys(tasks) as TaskName[]) {
    if (name === ending) continue
    const response = await fetch(`${address}${taskPath(name)}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '[]',
    })
    await response.arrayBuffer()
    if (response.status !== 501) finished.push(name)
  }
  return finished
}

test
  .skipIf(python === undefined)
  .each(lakeKinds.map((kind, index) => ({ ...kind, seed: 20261 + index })))(
  'the unchanged Python client calls every finished task (set MINDTRACE_TEST_PYTHON): a lake $name, $seed',
  { timeout: 600_000 },
  async ({ wishes, seed }) => {
    await using lake = await serveNewLake(wishes)
    const finished = await finishedTasks(lake)
    const unfinished = Object.keys(tasks).filter((name) => !finished.includes(name as TaskName))

    const calls = await runStory('every_task.py', lake, String(seed), ...unfinished)

    // The client leaves the key out of this one request, by which it ends a service.
    const unheard = wishes.withKey === true ? [ending] : []
    const answered = new Set(calls.filter(({ status }) => status === undefined).map(task))
    expect([...answered, ...unheard].sort()).toEqual(finished.sort())
    const notBuilt = calls.filter(({ status }) => status === 501)
    expect(notBuilt.map(task)).toEqual(unfinished)
    if (unheard.length === 0) expect((await lake.finished).code).toBe(0)
  },
)

/** What came with 0.13. */
const newer = ['assets.download_url', 'assets.download_urls']

test.skipIf(oldPython === undefined)(
  'the unchanged client 0.12 calls every finished task that it knows (set MINDTRACE_TEST_PYTHON_OLD)',
  { timeout: 600_000 },
  async () => {
    await using lake = await serveNewLake()
    const finished = await finishedTasks(lake)
    const unfinished = Object.keys(tasks).filter((name) => !finished.includes(name as TaskName))

    const script = 'every_task.py'
    const calls = await runStoryWith(oldPython as string, script, lake, '20269', ...unfinished)

    const answered = new Set(calls.filter(({ status }) => status === undefined).map(task))
    expect([...answered, ...newer].sort()).toEqual(finished.sort())
    expect((await lake.finished).code).toBe(0)
  },
)

function task(call: { readonly task: string }): string {
  return call.task
}
