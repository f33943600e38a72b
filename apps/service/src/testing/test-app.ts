import { connectLake } from '@mindtrace/client'
import { allTasks, type Lake, type TaskName, taskPath } from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import { afterEach, expect } from 'vitest'
import { createAccess } from '../access/access.ts'
import { type AppOptions, createApp } from '../app.ts'
import { openApiDocument } from '../openapi.ts'
import { DeclaredAnswers } from './declared-answers.ts'

/** Facts about a process that is none. */
export const testServerInfo = {
  serverId: '5f0c1c9e-0000-4000-8000-000000000001',
  pidFile: '/tmp/DatalakeService_test_pid.txt',
  version: '0.0.0-test',
} as const

const declared = new DeclaredAnswers(openApiDocument('0.0.0-test'))
/** A fake lake fails as its test wants, so of tasks nothing can be said; of them `lake-over-http.test.ts` knows. */
const tasks = new Set(Object.keys(allTasks).map((name) => `POST ${taskPath(name as TaskName)} `))
afterEach(() => {
  const faults = declared.take().filter((fault) => !tasks.has(fault.replace(/\d.*$/, '')))
  expect(faults, 'not in the OpenAPI document').toEqual([])
})

/** An app over a lake, with what every app needs filled in. Whatever it answers must be in the OpenAPI document. */
export function testApp(lake: Lake, options: Partial<AppOptions> = {}): Hono {
  // What destroys is served, so that every task can be called.
  const access = createAccess({ allowDestructive: true })
  const app = createApp({ lake, serverInfo: testServerInfo, access, ...options })
  return declared.watch(app, options.mcp?.path)
}

/** A client whose requests go straight into an app. */
export function clientOf(app: Hono): Lake {
  return connectLake('http://lake.test', {
    fetch: async (input, init) => app.request(String(input), init),
  })
}

/** Posts JSON, or text as it is. */
export function post(app: Hono, path: string, body?: unknown): Promise<Response> {
  return Promise.resolve(
    app.request(path, {
      method: 'POST',
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  )
}

/** A log line as a test sees it. */
export interface LogLine {
  readonly level: keyof Logger
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLog(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof Logger) => (fields: LogLine['fields'], message: string) => {
    lines.push({ level, fields, message })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
