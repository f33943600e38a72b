import { findTask } from '@mindtrace/contract'
import type { MindtraceError } from '@mindtrace/core'
import type { z } from 'zod'
import { truncatedEcho } from './truncated-echo.ts'

/** One error of a 422, as pydantic writes it. */
export interface ValidationDetail {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>> | undefined
}

/** At most this many errors of one body are reported. */
const maxErrors = 100

/**
 * The `detail` of a 422: every issue in the words of the Python service, so that people and tests that
 * know those find them again (`service-wire.md` 4).
 */
export function validationDetail(
  error: MindtraceError,
  request: { readonly body?: unknown; readonly task?: string },
): readonly ValidationDetail[] {
  const issues = error.details.issues
  const schema = request.task === undefined ? null : (findTask(request.task)?.input ?? null)
  if (!Array.isArray(issues) || issues.length === 0) {
    return [{ ...valueError(error.message), loc: ['body'], input: truncatedEcho(request.body) }]
  }
  return (issues as z.core.$ZodIssue[])
    .slice(0, maxErrors)
    .map((issue) => translate(issue, request.body, schema))
}

type Words = Pick<ValidationDetail, 'type' | 'msg' | 'ctx'>

function translate(
  issue: z.core.$ZodIssue,
  body: unknown,
  schema: z.ZodType | null,
): ValidationDetail {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  const found = lookUp(body, path)
  const input = found.exists ? found.value : issue.input
  if (input === undefined && issue.code !== 'custom') {
    const parent = lookUp(body, path.slice(0, -1)).value
    return {
      type: 'missing',
      loc: ['body', ...path],
      msg: 'Field required',
      input: path.length === 0 ? null : truncatedEcho(parent),
    }
  }
  const words = wordsFor(issue, input, schema === null ? null : schemaAt(schema, path))
  return { loc: ['body', ...path], input: truncatedEcho(input), ...words }
}

function wordsFor(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType | null): Words {
  switch (issue.code) {
    case 'invalid_type':
      return wordsForType(issue.expected, input, schema)
    case 'invalid_value':
      return literalError(issue.values)
    case 'too_small':
      return tooSmall(issue, input)
    case 'too_big':
      return tooBig(issue, input)
    case 'invalid_format':
      return invalidFormat(issue)
    default:
      return valueError(issue.message)
  }
}

function wordsForType(expected: string, input: unknown, schema: z.ZodType | null): Words {
  switch (expected) {
    case 'string':
      return isDatetime(schema)
        ? { type: 'datetime_type', msg: 'Input should be a valid datetime' }
        : { type: 'string_type', msg: 'Input should be a valid string' }
    case 'int':
      return {
        type: 'int_from_float',
        msg: 'Input should be a valid integer, got a number with a fractional part',
      }
    case 'number':
      return isInteger(schema) ? notInteger(input) : notNumber(input)
    case 'boolean':
      return notBoolean(input)
    case 'array':
      return { type: 'list_type', msg: 'Input should be a valid list' }
    case 'record':
      return { type: 'dict_type', msg: 'Input should be a valid dictionary' }
    case 'object':
      return {
        type: 'model_attributes_type',
        msg: 'Input should be a valid dictionary or object to extract fields from',
      }
    default:
      return valueError(`Input should be ${expected}`)
  }
}

function notInteger(input: unknown): Words {
  return isUnreadableNumber(input)
    ? {
        type: 'int_parsing',
        msg: 'Input should be a valid integer, unable to parse string as an integer',
      }
    : { type: 'int_type', msg: 'Input should be a valid integer' }
}

function notNumber(input: unknown): Words {
  return isUnreadableNumber(input)
    ? {
        type: 'float_parsing',
        msg: 'Input should be a valid number, unable to parse string as a number',
      }
    : { type: 'float_type', msg: 'Input should be a valid number' }
}

/** Numbers as text are refused here though Python reads them: then the type is what is wrong. */
function isUnreadableNumber(input: unknown): boolean {
  return typeof input === 'string' && (input.trim() === '' || Number.isNaN(Number(input)))
}

const booleanWords = /^(?:true|false|yes|no|on|off|t|f|y|n|0|1)$/i

function notBoolean(input: unknown): Words {
  const unreadable =
    (typeof input === 'string' || typeof input === 'number') && !booleanWords.test(String(input))
  return unreadable
    ? {
        type: 'bool_parsing',
        msg: 'Input should be a valid boolean, unable to interpret input',
      }
    : { type: 'bool_type', msg: 'Input should be a valid boolean' }
}

function literalError(values: readonly unknown[]): Words {
  const quoted = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)))
  const last = quoted.pop() ?? ''
  const expected = quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`
  return { type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } }
}

function tooSmall(issue: z.core.$ZodIssueTooSmall, input: unknown): Words {
  const bound = Number(issue.minimum)
  if (issue.origin === 'string') {
    return {
      type: 'string_too_short',
      msg: `String should have at least ${bound} ${characters(bound)}`,
      ctx: { min_length: bound },
    }
  }
  if (issue.origin === 'array') {
    const actual = Array.isArray(input) ? input.length : 0
    return {
      type: 'too_short',
      msg: `List should have at least ${bound} ${items(bound)} after validation, not ${actual}`,
      ctx: { field_type: 'List', min_length: bound, actual_length: actual },
    }
  }
  return issue.inclusive === false
    ? { type: 'greater_than', msg: `Input should be greater than ${bound}`, ctx: { gt: bound } }
    : {
        type: 'greater_than_equal',
        msg: `Input should be greater than or equal to ${bound}`,
        ctx: { ge: bound },
      }
}

function tooBig(issue: z.core.$ZodIssueTooBig, input: unknown): Words {
  const bound = Number(issue.maximum)
  if (issue.origin === 'string') {
    return {
      type: 'string_too_long',
      msg: `String should have at most ${bound} ${characters(bound)}`,
      ctx: { max_length: bound },
    }
  }
  if (issue.origin === 'array') {
    const actual = Array.isArray(input) ? input.length : 0
    return {
      type: 'too_long',
      msg: `List should have at most ${bound} ${items(bound)} after validation, not ${actual}`,
      ctx: { field_type: 'List', max_length: bound, actual_length: actual },
    }
  }
  return issue.inclusive === false
    ? { type: 'less_than', msg: `Input should be less than ${bound}`, ctx: { lt: bound } }
    : {
        type: 'less_than_equal',
        msg: `Input should be less than or equal to ${bound}`,
        ctx: { le: bound },
      }
}

function characters(count: number): string {
  return count === 1 ? 'character' : 'characters'
}

function items(count: number): string {
  return count === 1 ? 'item' : 'items'
}

function invalidFormat(issue: z.core.$ZodIssueInvalidStringFormat): Words {
  if (issue.format === 'datetime') {
    const error = 'not an ISO 8601 date and time'
    return {
      type: 'datetime_from_date_parsing',
      msg: `Input should be a valid datetime or date, ${error}`,
      ctx: { error },
    }
  }
  const pattern = issue.pattern
  return pattern === undefined
    ? valueError(issue.message)
    : {
        type: 'string_pattern_mismatch',
        msg: `String should match pattern '${pattern}'`,
        ctx: { pattern },
      }
}

function valueError(message: string): Words {
  return { type: 'value_error', msg: `Value error, ${message}`, ctx: { error: {} } }
}

function lookUp(
  value: unknown,
  path: readonly (string | number)[],
): { readonly exists: boolean; readonly value: unknown } {
  let current = value
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) {
      return { exists: false, value: undefined }
    }
    current = (current as Record<string | number, unknown>)[part]
  }
  return { exists: current !== undefined, value: current }
}

/** The schema of the value at a path, without its wrappers; null when the path leads out of it. */
function schemaAt(schema: z.ZodType, path: readonly (string | number)[]): z.ZodType | null {
  let current: z.ZodType | null = unwrapped(schema)
  for (const part of path) {
    const definition = definitionOf(current)
    if (definition.type === 'object') current = definition.shape?.[part] ?? null
    else if (definition.type === 'array') current = definition.element ?? null
    else if (definition.type === 'record') current = definition.valueType ?? null
    else return null
    if (current === null) return null
    current = unwrapped(current)
  }
  return current
}

interface Definition {
  readonly type: string
  readonly format?: string
  readonly check?: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly shape?: Record<string | number, z.ZodType>
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition
}

function unwrapped(schema: z.ZodType): z.ZodType {
  let current = schema
  for (;;) {
    const { innerType, in: source } = definitionOf(current)
    const inner = innerType ?? source
    if (inner === undefined) return current
    current = inner
  }
}

function isInteger(schema: z.ZodType | null): boolean {
  return schema !== null && definitionOf(schema).format === 'safeint'
}

function isDatetime(schema: z.ZodType | null): boolean {
  return schema !== null && definitionOf(schema).format === 'datetime'
}
