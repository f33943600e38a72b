import { connectLake } from '@mindtrace/client'
import { expect, test } from 'vitest'
import { serveProcess } from './served-process.ts'

test.each([
  [['--slow-operations', 'forbid'], {}, 'forbid'],
  [[], { MINDTRACE_SLOW_OPERATIONS: 'allow' }, 'allow'],
  [[], {}, 'warn'],
] as const)(
  '%j %j: lists that read everything are under the policy %s',
  async (args, env, policy) => {
    await using served = await serveProcess({ args: ['--log', 'json', ...args], env })
    const lake = connectLake(served.address)
    await lake.collections.create({ name: 'c' })
    const listed = await lake.collections.list({}).then(
      ({ collections }) => collections.length,
      ({ code, message }) => [code, message],
    )
    if (policy === 'forbid') {
      expect(listed).toEqual(['INVALID_INPUT', expect.stringContaining('list_collections()')])
    } else expect(listed).toBe(1)
    await lake.collections.list({}).catch(() => {})
    served.kill('SIGTERM')
    const { code, stderr } = await served.finished
    expect(code).toBe(0)
    const warnings = stderr.split('\n').filter((line) => line.includes('slow operation'))
    expect(warnings).toHaveLength(policy === 'warn' ? 1 : 0)
    // The line belongs to the request that it is about.
    for (const line of warnings) expect(JSON.parse(line).request_id).toMatch(/^request_/)
  },
  60_000,
)
