import type {
  AnnotationRecord,
  AnnotationSet,
  DatasetViewExpand,
  DatasetViewRow,
  Datum,
  ParsedInput,
  PlacedRow,
  StructuredFilter,
  TaskOutput,
} from '@mindtrace/contract'
import { type CallOptions, MindtraceError } from '@mindtrace/core'
import type { Filter } from '@mindtrace/database'
import type { LakeParts } from '../lake-parts.ts'
import { decodeCursor, encodeCursor, filterFingerprint } from '../pages/cursor.ts'
import { invalidPage, pageLimit } from '../pages/page.ts'
import type { Records } from '../records/records.ts'
import { type DatumGraph, datumGraph } from '../records/resolve.ts'
import type { Manifest, Manifests } from './manifests.ts'
import { structuredPredicate } from './structured-filter.ts'

type ViewPage = ParsedInput<'dataset_versions.view_page'>

/**
 * One page of a dataset version's rows, in manifest order (`datalake-model.md` 8.6). The cursor holds a
 * place in the manifest, so a page costs the same at any depth.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT`, `INVALID_CURSOR`, `NOT_FOUND`.
 */
export async function viewPage(
  parts: LakeParts,
  manifests: Manifests,
  request: ViewPage,
  options: CallOptions,
): Promise<TaskOutput<'dataset_versions.view_page'>> {
  const limit = pageLimit(request.limit, parts)
  const { manifest, start, cursorOf } = await openView(parts, manifests, request, options)
  const matches: Match[] = []
  for await (const match of matching(
    parts.records,
    manifest,
    start,
    request.filters,
    limit,
    options,
  )) {
    matches.push(match)
    if (matches.length > limit) break
  }
  const more = matches.length > limit
  const shown = matches.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: await rows(parts.records, shown, request.expand, options),
    page: {
      limit,
      has_more: more,
      next_cursor: more && last !== undefined ? cursorOf(last) : null,
      total_count: request.include_total
        ? await countMatches(parts.records, manifest, request.filters, options)
        : null,
    },
    view: { dataset_name: request.dataset_name, version: request.version, sort: request.sort },
  }
}

/** Rows that are put together at a time. */
const rowsAtOnce = 100

/** All rows from the cursor on; `limit` is of all of them. @throws as {@link viewPage}. */
export async function* viewRows(
  parts: LakeParts,
  manifests: Manifests,
  request: Omit<ViewPage, 'include_total'>,
  options: CallOptions,
): AsyncGenerator<PlacedRow<DatasetViewRow>> {
  const { records } = parts
  const { manifest, start, cursorOf } = await openView(parts, manifests, request, options)
  const { filters, expand, limit } = request
  let left = limit ?? Number.POSITIVE_INFINITY
  let matches: Match[] = []
  async function* put() {
    const made = await rows(records, matches, expand, options)
    for (const [index, row] of made.entries()) {
      const match = matches[index] as Match
      yield { row, cursor: () => cursorOf(match) }
    }
    left -= matches.length
    matches = []
  }
  for await (const match of matching(records, manifest, start, filters, rowsAtOnce, options)) {
    options.signal?.throwIfAborted()
    matches.push(match)
    if (matches.length < Math.min(rowsAtOnce, left)) continue
    yield* put()
    if (left === 0) return
  }
  yield* put()
}

/** What a request means, the same for a page and for all rows. */
async function openView(
  { clock }: LakeParts,
  manifests: Manifests,
  request: Omit<ViewPage, 'include_total' | 'limit'>,
  options: CallOptions,
) {
  if (request.sort !== 'manifest_order') {
    throw invalidPage(`Unknown sort '${request.sort}' for a dataset view: use manifest_order`)
  }
  const head = await manifests.head(request.dataset_name, request.version, options)
  const manifest = await manifests.open(head.dataset_version_id, options)
  const scope = {
    resource: `dataset_version_view:${request.dataset_name}:${request.version}`,
    sort: request.sort,
    filterFingerprint: filterFingerprint(request.filters),
    timeField: null,
  }
  return {
    manifest,
    start:
      request.cursor === null
        ? 0
        : ordinalOf(decodeCursor(request.cursor, scope, clock.now()), manifest.size) + 1,
    cursorOf: ({ ordinal, datum }: Match) =>
      encodeCursor(scope, { lastKey: { ordinal, datum_id: datum.datum_id }, cutoff: null }, []),
  }
}

interface Match {
  readonly ordinal: number
  readonly datum: Datum
}

/** Datums of the manifest that fit, from a place on, read in chunks; missing ones are passed over. */
async function* matching(
  { datums }: Records,
  manifest: Manifest,
  start: number,
  filters: readonly StructuredFilter[],
  wanted: number,
  options: CallOptions,
): AsyncGenerator<Match> {
  const fits = structuredPredicate(filters)
  const pushed = pushedDown(filters)
  let size = Math.min(wanted + 1, 1000)
  for (let from = start; from < manifest.size; from += size) {
    if (from > start) size = 1000
    const ids = await manifest.slice(from, from + size, options)
    const filter = { datum_id: { $in: ids }, ...pushed } as Filter
    const found = pushed === undefined ? await datums.getMany(ids, options) : new Map()
    if (pushed !== undefined) {
      for (const datum of await datums.find(filter, options)) found.set(datum.datum_id, datum)
    }
    for (const [index, id] of ids.entries()) {
      const datum = found.get(id) as Datum | undefined
      if (datum !== undefined && fits(datum)) yield { ordinal: from + index, datum }
    }
  }
}

/** The part of the filters that the database can apply by itself to the same result. */
function pushedDown(filters: readonly StructuredFilter[]): Filter | undefined {
  const split = filters.find(
    ({ field, op, value }) =>
      field === 'split' && op === 'eq' && (value === null || typeof value === 'string'),
  )
  return split === undefined ? undefined : { split: split.value as string | null }
}

async function countMatches(
  records: Records,
  manifest: Manifest,
  filters: readonly StructuredFilter[],
  options: CallOptions,
): Promise<number> {
  if (filters.length === 0) return manifest.size
  let count = 0
  for await (const _match of matching(records, manifest, 0, filters, 999, options)) count += 1
  return count
}

async function rows(
  records: Records,
  matches: readonly Match[],
  expand: DatasetViewExpand,
  options: CallOptions,
): Promise<DatasetViewRow[]> {
  const datums = matches.map(({ datum }) => datum)
  const graph = await datumGraph(records, datums, expand, options)
  return datums.map((datum) => row(datum, graph, expand))
}

function row(datum: Datum, graph: DatumGraph, expand: DatasetViewExpand): DatasetViewRow {
  const sets = datum.annotation_set_ids.flatMap((id) => graph.sets.get(id) ?? [])
  return {
    datum_id: datum.datum_id,
    split: datum.split,
    metadata: datum.metadata,
    assets: expand.assets
      ? Object.fromEntries(
          Object.entries(datum.asset_refs).flatMap(([role, id]) => {
            const asset = graph.assets.get(id)
            return asset === undefined ? [] : [[role, asset] as const]
          }),
        )
      : null,
    annotation_sets: expand.annotation_sets || expand.annotation_records ? sets : null,
    annotation_records: expand.annotation_records ? recordsBySet(sets, graph) : null,
  }
}

function recordsBySet(
  sets: readonly AnnotationSet[],
  graph: DatumGraph,
): Record<string, AnnotationRecord[]> {
  return Object.fromEntries(
    sets.map((set) => [
      set.annotation_set_id,
      set.annotation_record_ids.flatMap((id) => graph.records.get(id) ?? []),
    ]),
  )
}

function ordinalOf(
  position: { readonly lastKey: Readonly<Record<string, unknown>> },
  length: number,
): number {
  const ordinal = position.lastKey.ordinal
  if (Number.isInteger(ordinal) && (ordinal as number) >= 0 && (ordinal as number) < length) {
    return ordinal as number
  }
  throw new MindtraceError(
    'INVALID_CURSOR',
    "Invalid pagination request. The cursor's place is not in the manifest; begin again without one",
  )
}
