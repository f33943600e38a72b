import type { StructuredFilter } from '@mindtrace/contract'
import { MindtraceError, parseInstant } from '@mindtrace/core'
import { canonicalJson } from '@mindtrace/core/hash'

type Predicate = (document: object) => boolean

const instantFields = new Set(['created_at', 'updated_at'])

/**
 * All filters at once, on a plain document (`datalake-model.md` 8.6): paths go through objects only, a
 * missing step is null.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` when an operand has the wrong type for its operator.
 */
export function structuredPredicate(filters: readonly StructuredFilter[]): Predicate {
  const predicates = filters.map(onePredicate)
  return (document) => predicates.every((holds) => holds(document))
}

function onePredicate({ field, op, value }: StructuredFilter): Predicate {
  const path = field.split('.')
  const at = (document: object) => valueAt(document, path)
  switch (op) {
    case 'eq':
    case 'ne': {
      const wanted = canonicalJson(operand(field, value))
      return (document) => (canonicalJson(at(document)) === wanted) === (op === 'eq')
    }
    case 'exists':
      return (document) => (at(document) !== null) === isTrue(value)
    case 'in': {
      if (!Array.isArray(value)) throw unfit(field, op, 'a list')
      const wanted = new Set(value.map((one) => canonicalJson(operand(field, one))))
      return (document) => wanted.has(canonicalJson(at(document)))
    }
    case 'contains':
      return (document) => {
        const held = at(document)
        if (typeof held === 'string') return typeof value === 'string' && held.includes(value)
        return (
          Array.isArray(held) && held.some((one) => canonicalJson(one) === canonicalJson(value))
        )
      }
    default: {
      if (typeof value !== 'string' && typeof value !== 'number') {
        throw unfit(field, op, 'a text or a number')
      }
      const bound = operand(field, value) as string | number
      return (document) => {
        const held = at(document)
        if (held === null) return false
        if (typeof held !== typeof bound) {
          throw unfit(field, op, `a ${typeof held}, as the field holds`)
        }
        return compare[op](held as string | number, bound)
      }
    }
  }
}

const compare = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
} as const satisfies Record<string, (a: string | number, b: string | number) => boolean>

/** Instants are texts of one form: a filter's own spelling is brought to it. */
function operand(field: string, value: unknown): unknown {
  return instantFields.has(field) && typeof value === 'string' ? parseInstant(value) : value
}

/** As Python takes a value for true: nothing empty is. */
function isTrue(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value)
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0
}

function valueAt(document: object, path: readonly string[]): unknown {
  let value: unknown = document
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    value = Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : null
  }
  return value ?? null
}

function unfit(field: string, op: string, wanted: string): MindtraceError {
  return new MindtraceError(
    'INVALID_INPUT',
    `filter '${field}' ${op}: the value must be ${wanted}`,
    {
      details: { field, op },
    },
  )
}
