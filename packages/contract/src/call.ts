import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { z } from 'zod'
import { extensionTasks } from './extensions/table.ts'
import { tasks } from './tasks/table.ts'
import type { Task } from './tasks/task.ts'

/** Both tables in one: the Python service's tasks and our extensions. */
export const allTasks = { ...tasks, ...extensionTasks } as const

type Table = typeof allTasks

/** The name of a task or extension task, for example `assets.get`. */
export type TaskName = keyof Table & string

type InputModel<Name extends TaskName> = Table[Name]['input']
type OutputModel<Name extends TaskName> = Table[Name]['output']

/** What a caller sends: fields with a default may be left out. `undefined` where a task takes nothing. */
export type TaskInput<Name extends TaskName> =
  InputModel<Name> extends z.ZodType ? z.input<InputModel<Name>> : undefined

/** What a handler gets: defaults filled, unknown keys gone. */
export type ParsedInput<Name extends TaskName> =
  InputModel<Name> extends z.ZodType ? z.output<InputModel<Name>> : undefined

/** What a task answers: a JSON object, or null where it answers nothing. */
export type TaskOutput<Name extends TaskName> =
  OutputModel<Name> extends z.ZodType ? z.output<OutputModel<Name>> : null

/** Bytes that came as base64 and were decoded on the way, so that they are never whole in memory as text. */
export interface DecodedPayload {
  readonly chunks: readonly Uint8Array<ArrayBuffer>[]
  readonly sizeBytes: number
  /** False when the text was no base64: what was decoded of it counts for nothing. */
  readonly isBase64: boolean
}

/** What a task is called with besides its input. */
export interface TaskCallOptions extends CallOptions {
  /** What `data_base64` stands for; that field of the input is empty then. */
  readonly payload?: DecodedPayload | undefined
  /**
   * Takes the bytes that `data_base64` of an answer stands for; that field is empty then. The body must be read to its end
   * or cancelled. Who reads from afar gets the text all the same: it is the one that comes.
   */
  readonly takePayload?: ((payload: StreamedPayload) => void) | undefined
}

/** Bytes that go out as base64 and are encoded on the way. */
export interface StreamedPayload {
  readonly sizeBytes: number
  /** It ends in the error that the task would have ended in. */
  readonly body: ReadableStream<Uint8Array>
}

/** Calls any task by its name: the one function that an adapter implements for all of them. */
export type TaskCall = <Name extends TaskName>(
  name: Name,
  input: TaskInput<Name>,
  options?: TaskCallOptions,
) => Promise<TaskOutput<Name>>

/** The table entry of a name that came from outside, or undefined. */
export function findTask(name: string): Task | undefined {
  return Object.hasOwn(allTasks, name) ? allTasks[name as TaskName] : undefined
}

/** Whether the name is one of ours rather than the Python service's. */
export function isExtension(name: TaskName): name is keyof typeof extensionTasks {
  return Object.hasOwn(extensionTasks, name)
}

/** The path of a task's route: `/<name>`, or `/v1/<name>` for an extension. */
export function taskPath(name: TaskName): string {
  return isExtension(name) ? `/v1/${name}` : `/${name}`
}

/**
 * Checks and completes an input.
 *
 * @throws {@link MindtraceError} `VALIDATION_FAILED`; `details.issues` are zod's issues, `details.input`
 * is what was sent.
 */
export function parseInput<Name extends TaskName>(name: Name, input: unknown): ParsedInput<Name> {
  const schema: z.ZodType | null = allTasks[name].input
  return (schema === null ? undefined : parse(schema, input, `${name}: input`)) as ParsedInput<Name>
}

/**
 * Checks an answer that came from another process, and normalises what older services write (times
 * without a zone, missing fields).
 *
 * @throws {@link MindtraceError} `CORRUPT` when the answer does not fit.
 */
export function parseOutput<Name extends TaskName>(name: Name, output: unknown): TaskOutput<Name> {
  const schema: z.ZodType | null = allTasks[name].output
  if (schema === null) return null as TaskOutput<Name>
  const result = schema.safeParse(output)
  if (result.success) return result.data as TaskOutput<Name>
  throw new MindtraceError(
    'CORRUPT',
    `the answer to ${name} does not fit its model: ${firstIssue(result.error)}`,
    { cause: result.error },
  )
}

/**
 * Parses any value from outside by a schema.
 *
 * @throws {@link MindtraceError} `VALIDATION_FAILED` that names the first path at fault.
 */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  throw new MindtraceError(
    'VALIDATION_FAILED',
    `${what} does not fit: ${firstIssue(result.error)}`,
    {
      cause: result.error,
      details: { issues: result.error.issues },
    },
  )
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'unknown issue'
  const path = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : ''
  return `${path}${issue.message}${more}`
}
