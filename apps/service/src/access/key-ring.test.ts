import { createHash, randomBytes } from 'node:crypto'
import { formatApiKey, type KeyRecord } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { KeyRing } from './key-ring.ts'

/** A ring over keys that a test changes, with a clock that a test turns. */
function ringOf(options: { required?: boolean } = {}) {
  const stored = new Map<string, KeyRecord>()
  const state = { nowMs: 0, reads: 0, isDown: false, required: options.required ?? true }
  const ring = new KeyRing({
    nowMs: () => state.nowMs,
    now: () => new Date(Date.UTC(2026, 0, 1) + state.nowMs).toISOString(),
    access: {
      keys: async () => {
        state.reads += 1
        if (state.isDown) throw new MindtraceError('UNAVAILABLE', 'the database is gone')
        return { required: state.required, keys: [...stored.values()] }
      },
    },
  })
  const add = (more: Partial<KeyRecord> = {}) => {
    const [key_id, secret] = [randomBytes(8).toString('hex'), randomBytes(32).toString('base64url')]
    stored.set(key_id, {
      key_id,
      name: 'a',
      role: 'reader',
      scopes: { mounts: null, collections: null },
      created_at: '2026-01-01T00:00:00.000Z',
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
      secret_sha256: createHash('sha256').update(secret).digest('hex'),
      ...more,
    })
    return formatApiKey(key_id, secret)
  }
  const ask = async (text: string) => {
    try {
      return (await ring.identify({ kind: 'key', text })).id
    } catch (error) {
      return (error as MindtraceError).code
    }
  }
  return { ring, state, stored, add, ask }
}

const idOf = (key: string) => key.slice(4, 20)

test('asks the database once for many requests, and again after two seconds', async () => {
  const { state, add, ask } = ringOf()
  const key = add()
  await Promise.all(Array.from({ length: 50 }, () => ask(key)))
  expect(state.reads).toBe(1)
  state.nowMs = 1_999
  expect(await ask(key)).toBe(idOf(key))
  expect(state.reads).toBe(1)
  state.nowMs = 2_000
  expect(await ask(key)).toBe(idOf(key))
  expect(state.reads).toBe(2)
})

test('takes a new key at once, but reads for unknown ones once a second at most', async () => {
  const { state, add, ask } = ringOf()
  await ask(add())
  state.nowMs = 10
  const made = add()
  expect(await ask(made)).toBe(idOf(made))
  const before = state.reads
  for (let index = 0; index < 100; index += 1) {
    expect(await ask(`mtk_${'0'.repeat(16)}_${'A'.repeat(43)}`)).toBe('UNAUTHENTICATED')
  }
  expect(state.reads).toBe(before)
})

test('a revoked key opens nothing from four seconds on, however rarely anybody asks', async () => {
  const { state, stored, add, ask } = ringOf()
  const key = add()
  expect(await ask(key)).toBe(idOf(key))
  stored.delete(idOf(key))
  state.nowMs = 4_000
  expect(await ask(key)).toBe('UNAUTHENTICATED')
})

test('an expired key opens nothing, to the millisecond', async () => {
  const { state, add, ask } = ringOf()
  const key = add({ expires_at: '2026-01-01T00:00:01.000Z' })
  state.nowMs = 999
  expect(await ask(key)).toBe(idOf(key))
  state.nowMs = 1_000
  expect(await ask(key)).toBe('UNAUTHENTICATED')
})

test('where the database is gone nobody gets in any more, and all do when it is back', async () => {
  const { state, add, ask } = ringOf()
  const key = add()
  expect(await ask(key)).toBe(idOf(key))
  state.isDown = true
  state.nowMs = 3_999
  expect(await ask(key)).toBe(idOf(key))
  state.nowMs = 4_000
  expect(await ask(key)).toBe('UNAVAILABLE')
  state.isDown = false
  expect(await ask(key)).toBe(idOf(key))
})

test('once keys were asked for they are for ever, and not before there are any', async () => {
  const { ring, state, ask } = ringOf({ required: false })
  expect(await ring.required()).toBe(false)
  expect(await ask('anything')).toBe('local')
  state.required = true
  state.nowMs = 4_000
  expect(await ask('anything')).toBe('UNAUTHENTICATED')
  state.required = false
  state.nowMs = 8_000
  expect(await ask('anything')).toBe('UNAUTHENTICATED')
  expect(await ring.required()).toBe(true)
})
