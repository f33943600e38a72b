import type { z } from 'zod'
import type { Need } from '../access.ts'

/** The input or output model of a task; null where it has none. */
export type TaskModel = z.ZodType | null

/**
 * One thing a lake can do. From this entry come the HTTP route (`POST /<name>`, or `POST /v1/<name>` for
 * an extension), the OpenAPI operation, the MCP tool, the client's method and the in-process method.
 */
export interface Task<Input extends TaskModel = TaskModel, Output extends TaskModel = TaskModel> {
  /** One sentence for OpenAPI, MCP and people. */
  readonly summary: string
  readonly input: Input
  readonly output: Output
  /** Whether it changes nothing: neither the lake nor the process. */
  readonly reads: boolean
  /** What a caller must be. Default: a reader for what reads, a writer for the rest. */
  readonly needs: Need
  /** Whether MCP clients see it as a tool by default; only tasks that read. */
  readonly mcp: boolean
  /** HTTP statuses that it may answer beside 200, 422 and 500. */
  readonly statuses: readonly number[]
}

/** Fills the defaults of a table entry: no MCP tool, reads only if it is one, needs as it reads, no statuses of its own. */
export function task<Input extends TaskModel, Output extends TaskModel>(
  entry: Pick<Task<Input, Output>, 'summary' | 'input' | 'output'> &
    Partial<Pick<Task, 'mcp' | 'reads' | 'needs' | 'statuses'>>,
): Task<Input, Output> {
  const reads = entry.reads ?? entry.mcp === true
  return { mcp: false, reads, needs: reads ? 'reader' : 'writer', statuses: [], ...entry }
}
