import {
  allTasks,
  isExtension,
  type Task,
  type TaskCall,
  type TaskInput,
  type TaskName,
  taskPath,
} from '@mindtrace/contract'
import { type Logger, MindtraceError } from '@mindtrace/core'
import type { CallToolResult, Tool } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { plainSchema } from '../plain-schema.ts'
import { failureText } from './failure-text.ts'

/** Which tasks MCP clients see: the Python service's 14 tools, or every task that changes nothing. */
export type ToolSelection = 'default' | 'all'

/** A result travels whole, and as text once more, into a model's context. */
const maxResultBytes = 10 * 1024 * 1024

/** What a tool is called with besides its arguments. */
export interface ToolContext {
  readonly call: TaskCall
  readonly log: Logger
  readonly signal: AbortSignal
}

/** The tasks that are tools, in the order of the table. */
export function toolNames(selection: ToolSelection): TaskName[] {
  return (Object.keys(allTasks) as TaskName[]).filter((name) =>
    selection === 'all' ? allTasks[name].reads : allTasks[name].mcp && !isExtension(name),
  )
}

/** The tools as `tools/list` tells them. */
export function listTools(selection: ToolSelection): readonly Tool[] {
  return toolNames(selection).map(toolOf)
}

/**
 * Runs the task of a tool through the same code as HTTP. What fails becomes a result that is flagged as an
 * error, as the Python service does: its text is for whoever wrote the arguments.
 */
export async function callTool(
  selection: ToolSelection,
  name: string,
  input: Readonly<Record<string, unknown>> | undefined,
  { call, log, signal }: ToolContext,
): Promise<CallToolResult> {
  const task = toolNames(selection).find((one) => one === name)
  if (task === undefined) return failed(`Unknown tool: '${name.slice(0, 100)}'`)
  const body = inputOf(allTasks[task], input)
  try {
    const output: unknown = await call(task, body as TaskInput<typeof task>, { signal })
    const text = JSON.stringify(output)
    const bytes = Buffer.byteLength(text)
    if (bytes > maxResultBytes) {
      throw new MindtraceError(
        'TOO_LARGE',
        `the result has ${bytes} bytes, more than the ${maxResultBytes} of a tool; ask for less by filters or a smaller limit, or by HTTP: POST ${taskPath(task)}`,
      )
    }
    return {
      content: [{ type: 'text', text }],
      structuredContent: output as Record<string, unknown>,
      isError: false,
    }
  } catch (error) {
    signal.throwIfAborted()
    const text = await failureText(error, { path: task, task, body }, log)
    return failed(`Error calling tool '${task}': ${text}`)
  }
}

function toolOf(name: TaskName): Tool {
  const { summary, input, output }: Task = allTasks[name]
  return {
    name,
    description: summary,
    inputSchema: (input === null ? nothing : inlineSchema(input)) as Tool['inputSchema'],
    ...(output === null ? {} : { outputSchema: inlineSchema(output) as Tool['inputSchema'] }),
    annotations: { readOnlyHint: true, openWorldHint: false },
  }
}

const nothing = { type: 'object', properties: {}, additionalProperties: false }

/** Without ids zod writes every model where it is used, as most clients want it. */
const withoutIds = z.registry<Record<string, never>>()

function inlineSchema(schema: z.ZodType): unknown {
  return plainSchema(z.toJSONSchema(schema, { io: 'input', metadata: withoutIds }))
}

/** The Python service takes one argument `payload` that holds the model; here it may be left out. */
function inputOf(
  { input }: Task,
  given: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> | undefined {
  if (input === null) return undefined
  const { payload } = given
  const wrapped =
    Object.keys(given).length === 1 &&
    typeof payload === 'object' &&
    payload !== null &&
    !(input instanceof z.ZodObject && 'payload' in input.shape)
  return wrapped ? (payload as Readonly<Record<string, unknown>>) : given
}

function failed(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true }
}
