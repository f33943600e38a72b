import type { LakeVitals, PartState } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { addProbes, type ProbeOptions } from './probes.ts'
import { fakeLake } from './testing/fake-lake.ts'
import { recordingLog } from './testing/test-app.ts'

function probes(options: Partial<ProbeOptions> = {}) {
  const app = new Hono()
  addProbes(app, { lake: fakeLake(), log: recordingLog(), ...options })
  return async (path: string) => {
    const response = await app.request(path)
    return [response.status, await response.json()]
  }
}

function vitals(check: LakeVitals['check']): LakeVitals {
  return { check, load: () => ({ database: { waiting: 0 }, mounts: {} }), queues: async () => ({}) }
}

test('names the parts that do not answer, and says no more of them', async () => {
  const states: PartState[] = [
    { part: 'database', ok: true },
    { part: 'mount main', ok: false, code: 'UNAVAILABLE' },
    { part: 'mount archive', ok: false, code: 'FORBIDDEN' },
  ]
  const get = probes({ vitals: vitals(async () => states) })
  expect(await get('/health')).toEqual([200, { status: 'ok' }])
  expect(await get('/ready')).toEqual([
    503,
    {
      status: 'not ready',
      code: 'UNAVAILABLE',
      parts: [
        { part: 'mount main', code: 'UNAVAILABLE' },
        { part: 'mount archive', code: 'FORBIDDEN' },
      ],
    },
  ])
})

test('asks the parts once for many that want to know, within a time', async () => {
  let asked = 0
  const get = probes({
    timeoutMs: 20,
    vitals: vitals(async ({ signal } = {}) => {
      asked += 1
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      return [{ part: 'database', ok: false, code: 'TIMEOUT' }]
    }),
  })
  const answers = await Promise.all(Array.from({ length: 20 }, () => get('/ready')))
  expect(new Set(answers.map(([status]) => status))).toEqual(new Set([503]))
  expect(asked).toBe(1)
})

test('asks the lake itself where nothing else is known of it', async () => {
  expect(await probes()('/ready')).toEqual([200, { status: 'ready' }])
  const lake = fakeLake({
    health: () => {
      throw new MindtraceError('UNAVAILABLE', 'mongodb://user:hunter2@host is down')
    },
  })
  expect(await probes({ lake })('/ready')).toEqual([
    503,
    {
      status: 'not ready',
      code: 'UNAVAILABLE',
      parts: [{ part: 'lake', code: 'UNAVAILABLE' }],
    },
  ])
})

test('is not ready any more once the service ends', async () => {
  const ending = new AbortController()
  const get = probes({ ending: ending.signal })
  ending.abort()
  expect(await get('/ready')).toEqual([503, { status: 'ending' }])
  expect(await get('/health')).toEqual([200, { status: 'ok' }])
})
