import { describe, expect, it, vi } from 'vitest'
import { SharedReads } from './shared-reads.ts'

/** Queries that are answered when the test says so. */
function heldQueries(documents: readonly Record<string, unknown>[] = []) {
  const asked: { readonly keys: readonly string[]; answer(): void; fail(error: Error): void }[] = []
  const reads = new SharedReads('id', (keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>[]>()
    asked.push({
      keys,
      answer: () => resolve(documents.filter(({ id }) => keys.includes(id as string))),
      fail: reject,
    })
    return promise
  })
  return { reads, asked }
}

/** After the turn that an answer ends. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

describe('SharedReads', () => {
  it('asks at once for who is alone, and together for who comes meanwhile', async () => {
    const { reads, asked } = heldQueries([{ id: 'a' }, { id: 'b' }, { id: 'd' }])
    const rows = ['a', 'b', 'c', 'd'].map((key) => reads.row(key))
    expect(asked.map(({ keys }) => keys)).toEqual([['a']])
    asked[0]?.answer()
    expect(await rows[0]).toEqual({ id: 'a' })
    await nextTurn()
    expect(asked[1]?.keys).toEqual(['b', 'c', 'd'])
    asked[1]?.answer()
    expect(await Promise.all(rows)).toEqual([{ id: 'a' }, { id: 'b' }, undefined, { id: 'd' }])
  })

  it('never gives two callers one object', async () => {
    const { reads, asked } = heldQueries([{ id: 'a' }])
    const rows = [reads.row('x'), reads.row('a'), reads.row('a')]
    for (const at of [0, 1, 2]) {
      asked[at]?.answer()
      await rows[at]
      await nextTurn()
    }
    expect(asked.map(({ keys }) => keys)).toEqual([['x'], ['a'], ['a']])
  })

  it('tells all who share a query when it fails, and goes on', async () => {
    const { reads, asked } = heldQueries([{ id: 'd' }])
    const rows = ['a', 'b', 'c'].map((key) => reads.row(key).catch((error) => error))
    const gone = new Error('gone')
    asked[0]?.answer()
    expect(await rows[0]).toBeUndefined()
    await nextTurn()
    asked[1]?.fail(gone)
    expect(await Promise.all(rows.slice(1))).toEqual([gone, gone])
    await nextTurn()
    const after = reads.row('d')
    asked[2]?.answer()
    expect(await after).toEqual({ id: 'd' })
  })

  it('takes the first of two documents with one key, and 64 keys at once', async () => {
    const { reads, asked } = heldQueries([
      { id: 'a', n: 1 },
      { id: 'a', n: 2 },
    ])
    const rows = ['a', ...Array.from({ length: 70 }, (_, n) => `k${n}`)].map((key) =>
      reads.row(key),
    )
    asked[0]?.answer()
    expect(await rows[0]).toEqual({ id: 'a', n: 1 })
    await nextTurn()
    asked[1]?.answer()
    await rows[1]
    await nextTurn()
    asked[2]?.answer()
    expect(await Promise.all(rows)).toHaveLength(71)
    expect(asked.map(({ keys }) => keys.length)).toEqual([1, 64, 6])
  })

  it('does not let a query that hangs hold up others', async () => {
    vi.useFakeTimers()
    try {
      const { reads, asked } = heldQueries([{ id: 'b' }])
      void reads.row('a')
      const other = reads.row('b')
      await vi.advanceTimersByTimeAsync(9)
      expect(asked).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1)
      asked[1]?.answer()
      expect(await other).toEqual({ id: 'b' })
    } finally {
      vi.useRealTimers()
    }
  })
})
