import { MindtraceError } from '@mindtrace/core'
import type { z } from 'zod'
import { allTasks, type TaskInput, type TaskOutput } from './call.ts'

/** The page tasks whose rows can be had as one stream, see {@link LakeStreams.rows}. */
export const rowTasks = [
  'assets.list_page',
  'collections.list_page',
  'collection_items.list_page',
  'asset_retentions.list_page',
  'annotation_schemas.list_page',
  'annotation_sets.list_page',
  'annotation_records.list_page',
  'annotation_records.list_for_asset_page',
  'datums.list_page',
  'dataset_versions.list_page',
  'dataset_versions.view_page',
] as const satisfies readonly (keyof typeof allTasks)[]

/** One of {@link rowTasks}. */
export type RowTask = (typeof rowTasks)[number]

/** What the page task takes. `limit` is of the whole stream, null being all; there is no total. */
export type RowsInput<Name extends RowTask> = Omit<TaskInput<Name>, 'include_total'> & {
  readonly limit?: number | null | undefined
  readonly cursor?: string | null | undefined
}

type RowTypes = {
  [Name in RowTask]: NonNullable<TaskOutput<Name>> extends { items: (infer Row extends object)[] }
    ? Row
    : never
}

/** A row as the page task's `items` have it. */
export type RowOf<Name extends RowTask> = RowTypes[Name]

/**
 * Checks and normalises a row that came from another process, as `parseOutput` does a page.
 *
 * @throws {@link MindtraceError} `CORRUPT` when it does not fit.
 */
export function parseRow<Name extends RowTask>(name: Name, value: unknown): RowOf<Name> {
  const { def } = allTasks[name].output.shape.items
  const rows = (def.type === 'default' ? def.innerType.def : def) as { readonly element: z.ZodType }
  const result = rows.element.safeParse(value)
  if (result.success) return result.data as RowOf<Name>
  throw new MindtraceError('CORRUPT', `a row of ${name} does not fit its model`, {
    cause: result.error,
  })
}

/** Rows as they come. It is read once. */
export interface Rows<Row> extends AsyncIterable<Row> {
  /**
   * Leads to what follows the row that was read last, as the cursor of a page does: for another stream, or for the
   * page task. Null before the first row.
   */
  readonly cursor: string | null
}

/** A row and where it ends, null where nobody can say. The cursor is made only when it is asked for. */
export interface PlacedRow<Row> {
  readonly row: Row
  readonly cursor: () => string | null
}

/** Makes {@link Rows} of rows that know their places; leaving the loop early ends the source. */
export function placedRows<Row>(source: AsyncIterable<PlacedRow<Row>>): Rows<Row> {
  let last: PlacedRow<Row>['cursor'] | undefined
  let isRead = false
  return {
    get cursor() {
      return last?.() ?? null
    },
    async *[Symbol.asyncIterator]() {
      if (isRead) throw readAlready()
      isRead = true
      for await (const { row, cursor } of source) {
        last = cursor
        yield row
      }
    },
  }
}

/** {@link Rows} that are asked for when they are first read. */
export function deferredRows<Row>(open: () => Promise<Rows<Row>>): Rows<Row> {
  let opened: Rows<Row> | undefined
  let isRead = false
  return {
    get cursor() {
      return opened?.cursor ?? null
    },
    async *[Symbol.asyncIterator]() {
      if (isRead) throw readAlready()
      isRead = true
      opened = await open()
      yield* opened
    },
  }
}

function readAlready(): MindtraceError {
  return new MindtraceError('INTERNAL', 'rows are read once; ask for them again')
}

/**
 * The cursor that leads on after another row of the same stream; undefined where it says of a row what the row itself
 * does not, as in a dataset view.
 */
export function cursorAfter(cursor: string, row: object): string | undefined {
  const envelope = JSON.parse(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))) as {
    readonly last_key: Readonly<Record<string, unknown>>
  }
  const key: Record<string, unknown> = {}
  for (const [path, before] of Object.entries(envelope.last_key)) {
    const value = valueAt(row, path)
    if (value === undefined) return undefined
    const isTagged = typeof before === 'object' && before !== null && typeof value === 'string'
    // As the cursor has it: in UTC, without a zone.
    key[path] = isTagged ? { ...before, value: value.replace(/Z$/, '') } : value
  }
  const json = JSON.stringify({ ...envelope, last_key: key }).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return btoa(json).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The value at a path; null below what is null, undefined where there is no such field. */
function valueAt(row: object, path: string): unknown {
  let value: unknown = row
  for (const step of path.split('.')) {
    if (value === null) return null
    if (typeof value !== 'object' || !Object.hasOwn(value as object, step)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[step]
  }
  return value
}
