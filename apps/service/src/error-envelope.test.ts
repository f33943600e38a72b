import { allTasks, type TaskName, taskPath } from '@mindtrace/contract'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { fakeLake } from './testing/fake-lake.ts'
import { post, testApp } from './testing/test-app.ts'

interface Fault {
  readonly type: unknown
  readonly loc: unknown
  readonly msg: unknown
  readonly input: unknown
}

/** Checks that an answer is the one envelope of errors. */
async function detailOf(response: Response): Promise<unknown> {
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const body = (await response.json()) as Record<string, unknown>
  expect(Object.keys(body)).toEqual(['detail'])
  return body.detail
}

function expectFaults(name: string, detail: unknown, field?: string): void {
  expect([name, Array.isArray(detail)]).toEqual([name, true])
  const faults = detail as Fault[]
  expect(faults.length).toBeGreaterThan(0)
  for (const fault of faults) {
    // The rule, the path and the words; and the value, which is there even when it is null.
    expect([name, fault.type]).toEqual([name, expect.stringMatching(/^[a-z_]+$/)])
    expect([name, fault.msg]).toEqual([name, expect.stringMatching(/\S/)])
    expect([name, (fault.loc as unknown[])[0]]).toEqual([name, 'body'])
    expect([name, 'input' in fault]).toEqual([name, true])
  }
  if (field === undefined) return
  expect([name, field, faults.some(({ loc }) => (loc as unknown[])[1] === field)]).toEqual([
    name,
    field,
    true,
  ])
}

const withInput = (Object.keys(allTasks) as TaskName[]).filter(
  (name) => allTasks[name].input !== null,
)
const app = testApp(fakeLake())

test('every task says of a body that is no object what it is', async () => {
  for (const name of withInput) {
    for (const body of ['[]', '"text"', '7', 'true']) {
      const response = await post(app, taskPath(name), body)
      expect([name, body, response.status]).toEqual([name, body, 422])
      expectFaults(name, await detailOf(response))
    }
    const broken = await post(app, taskPath(name), '{"id": ')
    expect([name, broken.status]).toEqual([name, 422])
    expectFaults(name, await detailOf(broken))
  }
})

test('every task names the field at fault, its value and the rule', async () => {
  for (const name of withInput) {
    const schema = allTasks[name].input as z.ZodType | null
    const shape = schema?._zod.def as { readonly shape?: Record<string, z.ZodType> } | undefined
    for (const [field, one] of Object.entries(shape?.shape ?? {})) {
      // Free-form fields take it, and are left out.
      const value = { mindtrace_nonsense: [field] }
      if (one.safeParse(value).success) continue
      const response = await post(app, taskPath(name), { [field]: value })
      expect([name, field, response.status]).toEqual([name, field, 422])
      const detail = await detailOf(response)
      expectFaults(name, detail, field)
      const own = (detail as Fault[]).find(({ loc }) => (loc as unknown[])[1] === field)
      expect([name, field, JSON.stringify(own?.input)]).toEqual([
        name,
        field,
        expect.stringContaining(field),
      ])
    }
  }
})

test('what no route takes is told in the same envelope', async () => {
  for (const [method, path, status] of [
    ['GET', '/no/such/path', 404],
    ['GET', '/assets.get', 405],
    ['DELETE', '/v1/objects/main/a', 405],
    ['GET', '/v1/objects/main/%zz', 400],
  ] as const) {
    const response = await app.request(path, { method })
    expect([path, response.status]).toEqual([path, status])
    expect(await detailOf(response)).toEqual(expect.stringMatching(/\S/))
  }
})
