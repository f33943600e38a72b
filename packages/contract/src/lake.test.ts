import { expect, expectTypeOf, test } from 'vitest'
import { allTasks, findTask, parseInput, type TaskOutput, taskPath } from './call.ts'
import { createLake, type Lake } from './lake.ts'
import type { Asset } from './model/assets.ts'
import { tasks } from './tasks/table.ts'
import type { Task } from './tasks/task.ts'

function recordingLake(): { lake: Lake; calls: [string, unknown][]; disposals: () => number } {
  const calls: [string, unknown][] = []
  let disposals = 0
  const lake = createLake({
    call: async (name, input) => {
      calls.push([name, input])
      return null as TaskOutput<typeof name>
    },
    streams: {} as Lake['streams'],
    dispose: async () => {
      disposals += 1
    },
  })
  return { lake, calls, disposals: () => disposals }
}

test('gives every task a typed method under its camel-cased name', async () => {
  const { lake, calls } = recordingLake()
  await lake.assets.getByAlias({ alias: 'cat' })
  await lake.objects.uploadSession.complete({ upload_session_id: 'u', finalize_token: 't' })
  await lake.summary()
  await lake.ingest.plan({ session_id: 's', source_keys: [] })
  expect(calls.map(([name]) => name)).toEqual([
    'assets.get_by_alias',
    'objects.upload_session.complete',
    'summary',
    'ingest.plan',
  ])
  expectTypeOf(lake.assets.get).returns.resolves.toEqualTypeOf<{ asset: Asset }>()
  expectTypeOf(lake.assets.delete).returns.resolves.toEqualTypeOf<null>()
})

test('is disposed once however often it is asked', async () => {
  const { lake, disposals } = recordingLake()
  await lake[Symbol.asyncDispose]()
  await lake[Symbol.asyncDispose]()
  expect(disposals()).toBe(1)
})

test('holds the 116 tasks of the service, the 14 that MCP shows by default, and ours beside them', () => {
  expect(Object.keys(tasks)).toHaveLength(116)
  expect(Object.values(tasks).filter((task) => task.mcp)).toHaveLength(14)
  expect(taskPath('assets.get')).toBe('/assets.get')
  expect(taskPath('datasets.list')).toBe('/v1/datasets.list')
  expect(findTask('constructor')).toBeUndefined()
})

test('what MCP shows reads, as does what is named so; what is named otherwise does not', () => {
  const reading = /(^|[._])(get|list|page|head|resolve|export|stats|status|plan)($|_by_|_for_)/
  const writing = /(^|[._])(create|update|delete|add|put|copy|wipe|commit|enqueue|purge|shutdown)$/
  for (const [name, { reads, mcp }] of Object.entries<Task>(allTasks)) {
    if (mcp || (reading.test(name) && !writing.test(name) && !name.endsWith('update_status'))) {
      expect(reads, name).toBe(true)
    }
    if (writing.test(name)) expect(reads, name).toBe(false)
  }
})

test('fills defaults, drops unknown keys and derives the qualified key', () => {
  expect(parseInput('assets.list_page', { extra: 1 })).toEqual({
    limit: null,
    cursor: null,
    sort: 'created_desc',
    include_total: false,
    filters: null,
  })
  const { storage_ref } = parseInput('objects.head', {
    storage_ref: { mount: 'main', name: 'a/b', qualified_key: 'lies' },
  })
  expect(storage_ref).toEqual({
    mount: 'main',
    name: 'a/b',
    version: 'latest',
    qualified_key: 'main/a/b@latest',
  })
})

test('names the path and keeps the issues of an input that does not fit', () => {
  expect(() => parseInput('assets.get', { id: 5 })).toThrow(
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      message: expect.stringContaining('assets.get: input does not fit: id:'),
      details: { issues: [expect.objectContaining({ path: ['id'], code: 'invalid_type' })] },
    }),
  )
})
