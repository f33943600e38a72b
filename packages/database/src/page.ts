import { isMindtraceError, MindtraceError } from '@mindtrace/core'
import { type Collection, directed, type IndexField } from './collection.ts'
import { type Condition, parseFilter, type RangeOperator, scalarFor } from './filter.ts'
import { type Path, type Scalar, valueAt } from './paths.ts'

/**
 * An order of documents: paths, with a leading `-` where it descends. Null comes first ascending, last
 * descending. The key is added where it does not end the list, so the order is always total.
 */
export type Sort = readonly string[]

/** One field of a parsed {@link Sort}. */
export type SortField = IndexField

/** Where a page ended: the value of every path of its sort in the last document. */
export type Keyset = Readonly<Record<string, Scalar>>

/**
 * The fields of a sort, ending in the key.
 *
 * @throws {@link MindtraceError} `QUERY_NOT_SUPPORTED` for a path that has no single, ordered value.
 */
export function parseSort(collection: Collection, sort: Sort): readonly SortField[] {
  const fields = sort.map((text): SortField => {
    const { path, descending } = directed(text)
    return { path: sortable(collection.path(path)), descending }
  })
  if (!fields.some(({ path }) => path.text === collection.key)) {
    const descending = fields.at(-1)?.descending ?? false
    fields.push({ path: collection.path(collection.key), descending })
  }
  return fields
}

/** The {@link Keyset} of a document: what the next page's `after` is. */
export function keysetOf(collection: Collection, sort: Sort, document: object): Keyset {
  return keysetOfFields(parseSort(collection, sort), document)
}

/** {@link keysetOf} for a sort that is parsed already. */
export function keysetOfFields(fields: readonly SortField[], document: object): Keyset {
  return Object.fromEntries(
    fields.map(({ path }) => [path.text, (valueAt(document, path.segments) ?? null) as Scalar]),
  )
}

/** What a driver selects, and in which order; no order means the order of insertion. */
export interface FindPlan {
  readonly conditions: readonly Condition[]
  readonly order: readonly SortField[]
  /**
   * With `after`: what else must hold, as alternatives of which a document fulfils one at most. All that
   * fulfil the first come before all that fulfil the second, and so on, so a driver may read them one after the
   * other, each with a seek in the index. Or at once, see {@link beyondConditions}.
   */
  readonly beyond: readonly (readonly Condition[])[] | undefined
}

/**
 * What `find` means: the filter, the part of the order that the filter leaves open, and the place where
 * the last page ended. Shared by all drivers.
 *
 * @throws {@link MindtraceError} `INVALID_CURSOR` when `after` does not fit the sort.
 */
export function planFind(
  collection: Collection,
  filter: unknown,
  options: { readonly sort?: Sort | undefined; readonly after?: Keyset | undefined },
): FindPlan {
  const { conditions } = parseFilter(collection, filter)
  const sort = options.sort ?? []
  if (sort.length === 0) {
    if (options.after === undefined) return { conditions, order: [], beyond: undefined }
    throw invalidCursor('there is no sort that it could belong to')
  }
  const fields = parseSort(collection, sort)
  const order = openOrder(fields, conditions)
  if (options.after === undefined) return { conditions, order, beyond: undefined }
  return { conditions, order, beyond: beyond(order, checkedKeyset(fields, options.after)) }
}

function sortable(path: Path): Path {
  if (path.kind !== 'array' && path.kind !== 'object' && path.kind !== 'free') return path
  const reason = `cannot be sorted by: its values are ${path.kind === 'free' ? 'of any type' : `${path.kind}s`}`
  throw new MindtraceError('QUERY_NOT_SUPPORTED', `Path '${path.text}' ${reason}`, {
    details: { path: path.text, reason },
  })
}

/**
 * The fields of an order that conditions leave open. A field that is fixed orders nothing; kept, it would make
 * a deep page walk its whole group. The last field, the key, always stays.
 */
export function openOrder(
  order: readonly SortField[],
  conditions: readonly Condition[],
): readonly SortField[] {
  const fixed = fixedPaths(conditions)
  return order.filter((field, at) => at === order.length - 1 || !fixed.has(field.path.text))
}

/**
 * The conditions that a step beyond a place does not imply. A snapshot's `created_at <= cutoff` is implied by
 * the `created_at < v` of every page after the first; left in, SQLite may seek by the cutoff and walk from
 * there. Decided for instants and numbers, whose order is the same everywhere.
 */
export function unimplied(
  conditions: readonly Condition[],
  step: readonly Condition[],
): readonly Condition[] {
  return conditions.filter((condition) => !step.some((stronger) => implies(stronger, condition)))
}

function implies(stronger: Condition, weaker: Condition): boolean {
  if (!isRange(weaker) || !('path' in stronger) || stronger.path.text !== weaker.path.text)
    return false
  if (weaker.path.kind !== 'instant' && weaker.path.kind !== 'number') return false
  const bound = weaker.value
  const below = weaker.op === 'lt' || weaker.op === 'lte'
  if (stronger.op === 'lt') return below && stronger.value <= bound
  if (stronger.op === 'gt') return !below && stronger.value >= bound
  if (stronger.op !== 'in' || stronger.values.length !== 1) return false
  const value = stronger.values[0]
  if (value === null || value === undefined) return false
  if (value === bound) return weaker.op === 'lte' || weaker.op === 'gte'
  return below ? value < bound : value > bound
}

function isRange(condition: Condition): condition is Extract<Condition, { op: RangeOperator }> {
  return ['lt', 'lte', 'gt', 'gte'].includes(condition.op)
}

function fixedPaths(conditions: readonly Condition[]): ReadonlySet<string> {
  const fixed = new Set<string>()
  for (const condition of conditions) {
    if (condition.op === 'and') for (const path of fixedPaths(condition.of)) fixed.add(path)
    if (condition.op === 'in' && condition.values.length === 1) fixed.add(condition.path.text)
  }
  return fixed
}

function checkedKeyset(fields: readonly SortField[], keyset: Keyset): ReadonlyMap<Path, Scalar> {
  const names = Object.keys(keyset)
  if (names.length !== fields.length) {
    throw invalidCursor(`it names ${names.length} fields and the sort ${fields.length}`)
  }
  return new Map(
    fields.map(({ path }) => {
      if (!Object.hasOwn(keyset, path.text)) throw invalidCursor(`it lacks '${path.text}'`)
      return [path, keysetValue(path, keyset[path.text])]
    }),
  )
}

function keysetValue(path: Path, value: unknown): Scalar {
  try {
    const scalar = scalarFor(path, value)
    if (scalar !== null || path.nullable) return scalar
  } catch (cause) {
    if (!isMindtraceError(cause, 'QUERY_NOT_SUPPORTED')) throw cause
    throw invalidCursor(`its '${path.text}' has the wrong type`, cause)
  }
  throw invalidCursor(`its '${path.text}' is null, which never occurs`)
}

function invalidCursor(reason: string, cause?: unknown): MindtraceError {
  return new MindtraceError(
    'INVALID_CURSOR',
    `The place to continue from is not usable: ${reason}. Start again from the first page`,
    cause === undefined ? { details: { reason } } : { cause, details: { reason } },
  )
}

/**
 * For fields f1…fn and values v1…vn, from the last field to the first: f1 = v1 ∧ … ∧ f(i-1) = v(i-1) ∧ fi
 * beyond vi. Null is the lowest.
 */
function beyond(
  order: readonly SortField[],
  last: ReadonlyMap<Path, Scalar>,
): readonly (readonly Condition[])[] {
  const alternatives: (readonly Condition[])[] = []
  const equal: Condition[] = []
  for (const { path, descending } of order) {
    const value = last.get(path) ?? null
    const steps = descending ? stepsDown(path, value) : [stepUp(path, value)]
    alternatives.unshift(...steps.map((step) => [...equal, step]))
    equal.push({ op: 'in', path, values: [value] })
  }
  return alternatives
}

function stepUp(path: Path, value: Scalar): Condition {
  return value === null ? { op: 'nin', path, values: [null] } : { op: 'gt', path, value }
}

function stepsDown(path: Path, value: Scalar): readonly Condition[] {
  if (value === null) return []
  const lower: Condition = { op: 'lt', path, value }
  return path.nullable ? [lower, { op: 'in', path, values: [null] }] : [lower]
}

/**
 * The alternatives of a plan as one condition, and once more the bound on the first field alone: it says
 * nothing new but lets a planner seek in an index where it cannot with an OR.
 */
export function beyondConditions(plan: Pick<FindPlan, 'order' | 'beyond'>): readonly Condition[] {
  if (plan.beyond === undefined) return []
  const alternatives = plan.beyond.map(all)
  const bound = boundOnFirst(plan)
  return [...bound, any(alternatives)]
}

function boundOnFirst({ order, beyond }: Pick<FindPlan, 'order' | 'beyond'>): readonly Condition[] {
  const [first] = order
  const step = beyond?.at(-1)?.at(-1)
  if (first === undefined || step === undefined || order.length === 1) return []
  if (step.op === 'gt') return [{ op: 'gte', path: step.path, value: step.value }]
  if (step.op === 'lt') return [{ op: 'lte', path: step.path, value: step.value }]
  return []
}

function all(of: readonly Condition[]): Condition {
  return of.length === 1 ? (of[0] as Condition) : { op: 'and', of }
}

function any(of: readonly Condition[]): Condition {
  return of.length === 1 ? (of[0] as Condition) : { op: 'or', of }
}
