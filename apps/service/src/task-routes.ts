import {
  allTasks,
  extensionTasks,
  type StreamedPayload,
  type TaskInput,
  type TaskName,
  type TaskOutput,
  taskPath,
} from '@mindtrace/contract'
import type { Logger } from '@mindtrace/core'
import type { Hono } from 'hono'
import type { CallerOf } from './access/admission.ts'
import { answer } from './answer.ts'
import { base64Answer } from './base64-answer.ts'
import { release } from './base64-decoder.ts'
import { jsonResponse } from './json-response.ts'
import { type BodyLimits, readTaskBody } from './request-body.ts'
import { serviceStreams } from './service-streams.ts'

/** What the routes of the tasks need. */
export interface TaskRoutesOptions {
  readonly callerOf: CallerOf
  readonly log: Logger
  readonly limits: BodyLimits
}

/** Tasks that take their bytes decoded: see `TaskCallOptions.payload`. */
const base64Tasks: ReadonlySet<TaskName> = new Set(['objects.put', 'assets.create_from_object'])

/** `POST /<task>` for each of the Python service's tasks, `POST /v1/<task>` for each of ours. */
export function addTaskRoutes(app: Hono, { callerOf, log, limits }: TaskRoutesOptions): void {
  for (const name of Object.keys(allTasks) as TaskName[]) {
    const takesInput = allTasks[name].input !== null
    app.post(taskPath(name), (context) =>
      answer(context, log, async (about) => {
        const request = context.req.raw
        about.task = name
        const caller = callerOf(request)
        // Before a byte of the body is read.
        caller.ensure(name)
        const { body, payload } = takesInput
          ? await readTaskBody(request, limits, base64Tasks.has(name))
          : {}
        about.body = body
        const taken: StreamedPayload[] = []
        const output = await caller.call(name, body as TaskInput<typeof name>, {
          signal: request.signal,
          ...(payload === undefined ? {} : { payload }),
          ...(name !== 'objects.get' ? {} : { takePayload: (one) => taken.push(one) }),
        })
        // Only after success: what failed may still be read for a moment.
        if (payload !== undefined) release(payload)
        const [streamed] = taken
        if (streamed === undefined) return jsonResponse(output)
        const got = output as unknown as TaskOutput<'objects.get'>
        return await base64Answer(got, streamed, { context, log })
      }),
    )
  }
  app.get('/v1/extensions', () => jsonResponse(extensions()))
}

function extensions(): unknown {
  return {
    tasks: (Object.keys(extensionTasks) as (keyof typeof extensionTasks)[]).map((name) => ({
      name,
      method: 'POST',
      path: taskPath(name),
      summary: extensionTasks[name].summary,
    })),
    streams: Object.entries(serviceStreams).map(([name, { method, path, summary }]) => ({
      name,
      method,
      path,
      summary,
    })),
  }
}
