import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { abortable, KeyedMutex } from './concurrency.ts'

describe('KeyedMutex', () => {
  it('runs the work of a key one after the other, keys beside each other', async () => {
    const mutex = new KeyedMutex()
    const said: string[] = []
    const gate = Promise.withResolvers<void>()
    const first = mutex.run('a', async () => {
      said.push('a begins')
      await gate.promise
      said.push('a ends')
    })
    const second = mutex.run('a', async () => said.push('a again'))
    await mutex.run('b', async () => said.push('b'))
    gate.resolve()
    await Promise.all([first, second])
    expect(said).toEqual(['a begins', 'b', 'a ends', 'a again'])
  })

  it('goes on after a failed turn, which its caller sees', async () => {
    const mutex = new KeyedMutex()
    const failing = mutex.run('a', () => Promise.reject(new Error('no')))
    const next = mutex.run('a', async () => 'done')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('done')
  })

  it('is settled when the last turn has ended, those added meanwhile among them', async () => {
    const mutex = new KeyedMutex()
    let ended = 0
    void mutex.run('a', async () => {
      await sleep(1)
      void mutex.run('b', async () => {
        await sleep(1)
        ended += 1
      })
      ended += 1
    })
    await mutex.settled()
    expect(ended).toBe(2)
  })
})

describe('abortable', () => {
  it('gives the outcome of the work', async () => {
    const { signal } = new AbortController()
    expect(await abortable(Promise.resolve(1), signal)).toBe(1)
    expect(await abortable(Promise.resolve(1), undefined)).toBe(1)
    await expect(abortable(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  it('ends the wait at an abort, also at an earlier one', async () => {
    const reason = new Error('enough')
    const control = new AbortController()
    const waiting = abortable(new Promise(() => {}), control.signal)
    control.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(abortable(new Promise(() => {}), control.signal)).rejects.toBe(reason)
  })
})
