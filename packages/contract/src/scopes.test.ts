import { expect, test } from 'vitest'
import { z } from 'zod'
import { allTasks, type TaskName } from './call.ts'
import { streamRoutes } from './extensions/table.ts'
import { streamScopes, taskScopes } from './scopes.ts'
import type { Task } from './tasks/task.ts'

const names = Object.keys(allTasks) as TaskName[]

test('says of every task and stream what it means for keys with scopes', () => {
  // A new task is refused to such keys until it stands in the table: decide, then add it there.
  expect(Object.keys(taskScopes).sort()).toEqual([...names].sort())
  expect(Object.keys(streamScopes).sort()).toEqual(Object.keys(streamRoutes).sort())
})

test('names only paths that the inputs have', () => {
  for (const name of names) {
    const rule = taskScopes[name]
    if (typeof rule === 'string' || rule === undefined) continue
    for (const subject of rule) {
      const { optional: _optional, ...named } = subject as Record<string, unknown>
      const [path] = Object.values(named)
      const schema: z.ZodType | null = allTasks[name].input
      expect(has(schema, typeof path === 'string' ? path : 'filters'), `${name}: ${path}`).toBe(
        true,
      )
    }
  }
})

test('needs an admin for what deletes more than one thing, ends the service or is about keys', () => {
  const needs = (need: string) =>
    names.filter((name) => (allTasks[name] as Task).needs === need).sort()
  expect(needs('destructive')).toEqual(['datalake.wipe', 'replication.tasks.purge', 'shutdown'])
  expect(needs('admin')).toEqual([
    'audit.list',
    'keys.create',
    'keys.list',
    'keys.revoke',
    'lake.gc',
  ])
  for (const name of needs('reader')) expect((allTasks[name as TaskName] as Task).reads).toBe(true)
})

/** Whether a schema has a path; free-form objects have any. */
function has(schema: z.ZodType | null, path: string): boolean {
  let node: unknown = schema
  for (const segment of path.split('.')) {
    while (node instanceof z.ZodDefault || node instanceof z.ZodNullable) node = node.unwrap()
    if (node instanceof z.ZodRecord) return true
    if (!(node instanceof z.ZodObject)) return false
    node = node.shape[segment]
  }
  return node !== undefined
}
