import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { serve } from './serve.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { recordingLog } from './testing/test-app.ts'
import { startUploadReconciler } from './upload-reconciler.ts'

const nothing = { expired: 0, completed: 0, discarded: 0, failed: 0 }

/** A lake that answers what it is told to, then nothing, and says when it was asked so often. */
function lakeOf(answers: readonly (() => object)[]) {
  let asked = 0
  const done = Promise.withResolvers<void>()
  const lake = fakeLake({
    'uploads.reconcile': () => {
      const answer = answers[asked]
      asked += 1
      if (asked > answers.length) done.resolve()
      return answer?.() ?? nothing
    },
  })
  return { lake, allAsked: done.promise, asked: () => asked }
}

test('goes on after a failure, and at once while there is more to do', async () => {
  const { lake, allAsked } = lakeOf([
    () => {
      throw new MindtraceError('UNAVAILABLE', 'the database is away')
    },
    () => ({ ...nothing, expired: 100, discarded: 100 }),
    () => ({ ...nothing, completed: 1 }),
  ])
  const log = recordingLog()
  {
    await using _reconciler = startUploadReconciler(lake, { intervalMs: 1, log })
    await allAsked
  }
  expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'info', 'info'])
})

test('begins soon, and is at work in a service', async () => {
  const { lake, asked } = lakeOf([])
  await using _reconciler = startUploadReconciler(lake, { intervalMs: 1e9, log: recordingLog() })
  await expect.poll(asked, { timeout: 5000 }).toBe(1)
  await using _service = await serve({ lake, port: 0, uploadReconcileIntervalSeconds: 0.01 })
  await expect.poll(asked, { timeout: 5000 }).toBeGreaterThan(2)
})

test('ends where nobody can do it, when it is disposed, and before it began', async () => {
  const { lake, asked } = lakeOf([
    () => {
      throw new MindtraceError('NOT_IMPLEMENTED', 'no such task')
    },
  ])
  const log = recordingLog()
  const never = startUploadReconciler(lake, { intervalMs: 0, log })
  await never[Symbol.asyncDispose]()
  const later = startUploadReconciler(lake, { intervalMs: 1e9, log })
  await later[Symbol.asyncDispose]()
  expect(asked()).toBe(0)
  const refused = startUploadReconciler(lake, { intervalMs: 1, log })
  await expect.poll(asked).toBe(1)
  await refused[Symbol.asyncDispose]()
  expect(log.lines).toEqual([])
})
