import { expect, test } from 'vitest'
import { createAccess } from './access.ts'

test.each([
  [undefined, 400],
  [100, 100],
])(
  'without keys %s requests are taken at the same time where so many were asked for',
  async (concurrent, taken) => {
    await using access = createAccess({ rates: { concurrent } })
    const gate = access.guard({
      call: () => Promise.reject(new Error('nobody calls')),
      streams: {} as never,
    })
    const request = new Request('http://127.0.0.1/summary', { method: 'POST' })
    const admitted = await Promise.allSettled(
      Array.from({ length: 400 }, () => gate.admit(request, 'request_1')),
    )
    const refused = admitted.filter(({ status }) => status === 'rejected')
    expect(admitted.length - refused.length).toBe(taken)
    for (const one of refused) expect(one).toMatchObject({ reason: { code: 'RATE_LIMITED' } })
  },
)
