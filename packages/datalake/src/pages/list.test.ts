import { silentLogger } from '@mindtrace/core'
import { expect, test } from 'vitest'
import type { LakeParts, SlowOperations } from '../lake-parts.ts'
import { guardEagerList } from './list.ts'

function partsWith(slowOperations: SlowOperations): { parts: LakeParts; warnings: string[] } {
  const warnings: string[] = []
  const log = { ...silentLogger, warn: (_: object, message: string) => warnings.push(message) }
  return { parts: { log, settings: { slowOperations } } as unknown as LakeParts, warnings }
}

test('warns of eager lists once for each kind and lake', () => {
  const one = partsWith('warn')
  const other = partsWith('warn')
  for (const resource of ['assets', 'datums', 'assets']) guardEagerList(one.parts, resource)
  guardEagerList(other.parts, 'assets')
  expect(one.warnings).toEqual([
    expect.stringContaining('list_assets()'),
    expect.stringContaining('list_datums()'),
  ])
  expect(other.warnings).toHaveLength(1)
})

test('says nothing where they are allowed, and refuses them with advice where they are forbidden', () => {
  const allowed = partsWith('allow')
  guardEagerList(allowed.parts, 'assets')
  expect(allowed.warnings).toEqual([])
  const forbidden = partsWith('forbid')
  expect(() => guardEagerList(forbidden.parts, 'assets')).toThrow(
    expect.objectContaining({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('list_assets_page()'),
    }),
  )
})
