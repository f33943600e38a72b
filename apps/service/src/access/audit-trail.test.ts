import type { AuditEntry } from '@mindtrace/contract'
import { expect, test, vi } from 'vitest'
import { recordingLog } from '../testing/test-app.ts'
import { AuditTrail } from './audit-trail.ts'

function anEntry(index: number): AuditEntry {
  return {
    audit_id: `audit_${index}`,
    at: '2026-01-01T00:00:00.000Z',
    actor: 'local',
    actor_name: null,
    task: 'assets.delete',
    ids: {},
    outcome: 'done',
    error: null,
    request_id: null,
  }
}

function trailOf(keepDays?: number) {
  const written: AuditEntry[] = []
  const batches: number[] = []
  const used: [string, string][] = []
  const forgotten: string[] = []
  const state = { isDown: false, nowMs: 0 }
  const log = recordingLog()
  const trail = new AuditTrail({
    log,
    keepDays,
    nowMs: () => state.nowMs,
    access: {
      record: async (entries) => {
        if (state.isDown) throw new Error('gone')
        batches.push(entries.length)
        written.push(...entries)
      },
      markUsed: async (keys) => void used.push(...keys),
      forgetBefore: async (instant) => {
        forgotten.push(instant)
        return 0
      },
    },
  })
  return { trail, written, batches, used, forgotten, state, log }
}

test('writes a second later, many at a time, in order', async () => {
  vi.useFakeTimers()
  try {
    const { trail, written, batches } = trailOf()
    for (let index = 0; index < 1_200; index += 1) trail.add(anEntry(index))
    expect(batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(batches).toEqual([500, 500, 200])
    expect(written.map(({ audit_id }) => audit_id)).toEqual(
      Array.from({ length: 1_200 }, (_, index) => `audit_${index}`),
    )
  } finally {
    vi.useRealTimers()
  }
})

test('keeps what could not be written, says so, and writes it at the end', async () => {
  const { trail, written, state, log } = trailOf()
  state.isDown = true
  trail.add(anEntry(1))
  await trail.flush()
  expect(written).toEqual([])
  expect(log.lines.map(({ message }) => message)).toEqual(['the audit log could not be written'])
  state.isDown = false
  trail.add(anEntry(2))
  await trail[Symbol.asyncDispose]()
  expect(written.map(({ audit_id }) => audit_id)).toEqual(['audit_1', 'audit_2'])
})

test('notes the use of a key once in five minutes, and forgets what is old once an hour', async () => {
  const { trail, used, forgotten, state } = trailOf(30)
  const use = async (atMs: number) => {
    state.nowMs = atMs
    trail.used('k', () => `${atMs}`)
    await trail.flush()
  }
  for (const atMs of [0, 1_000, 299_999, 300_000, 3_600_000]) await use(atMs)
  expect(used.map(([, at]) => at)).toEqual(['0', '300000', '3600000'])
  expect(forgotten).toHaveLength(2)
})
