import {
  allTasks,
  createLake,
  deferredRows,
  type Lake,
  type LakeStreams,
  parseInput,
  parseOutput,
  type TaskCall,
  type TaskName,
} from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import type { z } from 'zod'

/** What a fake lake was asked. */
export interface RecordedCall {
  readonly name: TaskName
  readonly input: unknown
}

/** A lake that checks inputs, remembers calls, and answers examples unless a handler is given. */
export interface FakeLake extends Lake {
  readonly calls: RecordedCall[]
}

/** A handler of the tests' own: gets the checked input. */
export type FakeHandlers = { readonly [Name in TaskName]?: (input: never) => unknown }

/** Builds a {@link FakeLake}. Streams that are not given throw NOT_IMPLEMENTED. */
export function fakeLake(
  handlers: FakeHandlers = {},
  streams: Partial<LakeStreams> = {},
): FakeLake {
  const calls: RecordedCall[] = []
  const call: TaskCall = async (name, input) => {
    const parsed = parseInput(name, input)
    calls.push({ name, input: parsed })
    const handler = handlers[name]
    return handler === undefined
      ? parseOutput(name, exampleOutput(name))
      : ((await handler(parsed as never)) as never)
  }
  const missing = (name: string) => async () => {
    throw new MindtraceError('NOT_IMPLEMENTED', `${name} is not implemented`)
  }
  const lake = createLake({
    call,
    streams: {
      readAsset: missing('readAsset'),
      readObject: missing('readObject'),
      writeObject: missing('writeObject'),
      ingestGroup: missing('ingestGroup'),
      rows: () => deferredRows(missing('rows')),
      appendUpload: missing('appendUpload'),
      archiveDataset: missing('archiveDataset'),
      archiveAssets: missing('archiveAssets'),
      archiveObjects: missing('archiveObjects'),
      ...streams,
    },
    dispose: async () => {},
  })
  return { ...lake, calls }
}

/** An input that a task takes. */
export function exampleInput(name: TaskName): unknown {
  const schema: z.ZodType | null = allTasks[name].input
  return schema === null ? undefined : exampleOf(schema)
}

/** An answer that a task may give. */
function exampleOutput(name: TaskName): unknown {
  const schema: z.ZodType | null = allTasks[name].output
  return schema === null ? null : exampleOf(schema)
}

/** The smallest value that fits a schema: only what must be there. */
function exampleOf(schema: z.ZodType): unknown {
  const definition = schema._zod.def as unknown as {
    readonly type: string
    readonly format?: string
    readonly shape?: Record<string, z.ZodType>
    readonly innerType?: z.ZodType
    readonly entries?: Record<string, string>
    readonly values?: readonly unknown[]
    readonly in?: z.ZodType
    readonly element?: z.ZodType
  }
  switch (definition.type) {
    case 'object': {
      const entries = Object.entries(definition.shape ?? {})
        .map(([key, field]) => [key, exampleOf(field)] as const)
        .filter(([, value]) => value !== undefined)
      return Object.fromEntries(entries)
    }
    case 'string':
      if (definition.format === 'datetime') return '2026-01-02T03:04:05.678Z'
      return schema.safeParse('example').success ? 'example' : 'a'.repeat(64)
    case 'number':
      return schema.safeParse(1).success ? 1 : (schema as z.ZodNumber).minValue
    case 'boolean':
      return true
    case 'enum':
      return Object.values(definition.entries ?? {})[0]
    case 'literal':
      return definition.values?.[0]
    case 'array':
      return schema.safeParse([]).success ? [] : [exampleOf(definition.element as z.ZodType)]
    case 'record':
      return {}
    case 'unknown':
      return { free: 'form' }
    case 'nullable':
      return null
    case 'default':
    case 'optional':
      return undefined
    case 'pipe':
      return exampleOf(definition.in as z.ZodType)
    default:
      return definition.innerType === undefined ? null : exampleOf(definition.innerType)
  }
}
