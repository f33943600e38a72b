import { MindtraceError } from '@mindtrace/core'
import { expect, test } from 'vitest'
import { SharedWrites } from './shared-writes.ts'

/** Writes that end when the test says so. */
function held(refused: readonly number[] = [], code: 'DUPLICATE' | 'UNAVAILABLE' = 'DUPLICATE') {
  const batches: (readonly number[])[] = []
  const ends: (() => void)[] = []
  const shared = new SharedWrites<number, string>(async (inputs) => {
    batches.push(inputs)
    await new Promise<void>((resolve) => ends.push(resolve))
    const bad = inputs.find((input) => refused.includes(input))
    if (bad !== undefined) throw new MindtraceError(code, `${bad} is refused`)
    return inputs.map(String)
  })
  /** Ends what is under way until nothing is. */
  const endAll = async () => {
    while (ends.length > 0) {
      for (const end of ends.splice(0)) end()
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
    }
  }
  return { shared, batches, endAll }
}

test('who comes while others write is written with the next, and gets its own answer', async () => {
  const { shared, batches, endAll } = held()
  const answers = Promise.all(Array.from({ length: 70 }, (_, number) => shared.write(number)))
  expect(batches).toEqual([[0], [1]])
  await endAll()
  expect(await answers).toEqual(Array.from({ length: 70 }, (_, number) => `${number}`))
  expect(batches.map(({ length }) => length)).toEqual([1, 1, 64, 4])
})

test('an input that is refused fails alone', async () => {
  const { shared, endAll } = held([3])
  const answers = Promise.allSettled([0, 1, 2, 3, 4].map((number) => shared.write(number)))
  await endAll()
  expect((await answers).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
})

test('what failed for all is not tried again, since it may have been written', async () => {
  const { shared, batches, endAll } = held([3], 'UNAVAILABLE')
  const answers = Promise.allSettled([0, 1, 2, 3, 4].map((number) => shared.write(number)))
  await endAll()
  expect((await answers).filter(({ status }) => status === 'rejected')).toHaveLength(3)
  expect(batches).toHaveLength(3)
})

test('who has gone before its turn is not written', async () => {
  const { shared, batches, endAll } = held()
  const abort = new AbortController()
  const first = [shared.write(0), shared.write(1)]
  const gone = shared.write(2, { signal: abort.signal })
  const stays = shared.write(3)
  abort.abort(new Error('gone'))
  const refusal = expect(gone).rejects.toThrow('gone')
  await endAll()
  await refusal
  expect(await Promise.all([...first, stays])).toEqual(['0', '1', '3'])
  expect(batches).toEqual([[0], [1], [3]])
})
