import { allTasks, isExtension, type Task, type TaskName } from '@mindtrace/contract'
import { isProcessTask } from '../process-tasks.ts'
import { answerHeaders, failures, json } from './answers.ts'
import { examples } from './examples.ts'
import type { Json } from './json.ts'
import { admission, always, ofTheLake, operationId } from './operation.ts'
import type { SchemaBook } from './schemas.ts'
import { tagOf } from './tags.ts'

/** The one task that nobody is asked for a key for. */
const open: TaskName = 'status'

/** The operation of a task: its models as bodies, and every status that it may answer. */
export function taskOperation(name: TaskName, book: SchemaBook): Json {
  const { input, output, summary, statuses, reads }: Task = allTasks[name]
  const example = examples[name]
  return {
    operationId: operationId(name),
    summary,
    tags: [tagOf(name, isExtension(name))],
    ...(name === open ? { security: [] } : {}),
    ...(input === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: json(book.reference(input, 'request'), example?.input),
          },
        }),
    responses: {
      200: {
        description: 'Done.',
        headers: answerHeaders('x-request-id'),
        content: json(
          output === null ? { type: 'null' } : book.reference(output, 'answer'),
          example?.output,
        ),
      },
      ...failures(
        ...statuses,
        ...(input === null ? [] : [400, 408, 413, 422]),
        ...(name === open ? always : admission),
        ...(isProcessTask(name) ? [] : ofTheLake),
        ...(reads || isProcessTask(name) ? [] : [507]),
      ),
    },
  }
}
