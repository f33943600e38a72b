import type { PageInfo, PlacedRow } from '@mindtrace/contract'
import { type CallOptions, isMindtraceError, MindtraceError } from '@mindtrace/core'
import {
  type Collection,
  type Filter,
  type Keyset,
  keysetOf,
  type Repository,
  type Sort,
  type Stored,
} from '@mindtrace/database'
import type { LakeParts } from '../lake-parts.ts'
import { decodeCursor, encodeCursor, filterFingerprint } from './cursor.ts'

/** What a resource offers to those who list it. */
export interface Listing<T extends object, I> {
  /** The name in cursors and messages: `assets`. */
  readonly resource: string
  readonly collection: Collection<T, I>
  readonly repository: Repository<T, I>
  /** The field whose value hides rows newer than the first page. */
  readonly timeField: 'created_at' | 'added_at'
  readonly sorts: Readonly<Record<string, Sort>>
  /** How many rows are read at a time where all are streamed; fewer where they may be large. Default 500. */
  readonly rowsAtOnce?: number
}

/** A page request as the wire has it. */
export interface PageRequest {
  readonly limit: number | null
  readonly cursor: string | null
  readonly sort: string
  readonly include_total: boolean
}

/**
 * The limit to use.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT` outside 1 to the lake's maximum.
 */
export function pageLimit(limit: number | null, { settings }: LakeParts): number {
  const wanted = limit ?? settings.defaultPageLimit
  if (wanted >= 1 && wanted <= settings.maxPageLimit) return wanted
  throw invalidPage(`limit is ${wanted}: use 1 to ${settings.maxPageLimit}`)
}

/** The error that page tasks answer with 400, in the reference's words at the start. */
export function invalidPage(reason: string): MindtraceError {
  return new MindtraceError('INVALID_INPUT', `Invalid pagination request. ${reason}`)
}

type ListRequest = PageRequest & { readonly filters: Readonly<Record<string, unknown>> | null }

/**
 * One page: the rows after the cursor that existed when the first page was asked.
 *
 * @throws {@link MindtraceError} `INVALID_INPUT`, `INVALID_CURSOR`, `QUERY_NOT_SUPPORTED`.
 */
export async function listPage<T extends object, I>(
  parts: LakeParts,
  listing: Listing<T, I>,
  request: ListRequest,
  options: CallOptions,
): Promise<{ items: Stored<T>[]; page: PageInfo }> {
  const limit = pageLimit(request.limit, parts)
  const { filter, sort, after, cursorOf } = planList(parts, listing, request)
  const found = await listing.repository
    .find(filter, {
      sort,
      limit: limit + 1,
      ...(after === undefined ? {} : { after }),
      signal: options.signal,
    })
    .catch(inPageWords)
  const items = found.slice(0, limit)
  const last = items.at(-1)
  const more = found.length > limit
  return {
    items,
    page: {
      limit,
      has_more: more,
      next_cursor: more && last !== undefined ? cursorOf(last) : null,
      total_count: request.include_total ? await listing.repository.count(filter, options) : null,
    },
  }
}

/**
 * The rows that all pages from the cursor on hold, in their order; `limit` is of all of them. `complete` adds to some
 * rows what is stored elsewhere.
 *
 * @throws as {@link listPage}.
 */
export async function* listRows<T extends object, I>(
  parts: LakeParts,
  listing: Listing<T, I>,
  request: Omit<ListRequest, 'include_total'>,
  options: CallOptions,
  complete: (rows: Stored<T>[]) => Promise<Stored<T>[]> = async (rows) => rows,
): AsyncGenerator<PlacedRow<Stored<T>>> {
  const { filter, sort, after: first, cursorOf } = planList(parts, listing, request)
  const { collection, repository, rowsAtOnce = 500 } = listing
  let after = first
  for (let left = request.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
    options.signal?.throwIfAborted()
    const limit = Math.min(left, rowsAtOnce)
    const found = await repository
      .find(filter, {
        sort,
        limit,
        ...(after === undefined ? {} : { after }),
        signal: options.signal,
      })
      .catch(inPageWords)
    for (const row of await complete(found)) yield { row, cursor: () => cursorOf(row) }
    const last = found.at(-1)
    if (last === undefined || found.length < limit) return
    after = keysetOf(collection, sort, last)
    left -= found.length
  }
}

/** What a request means, the same for a page and for all rows. */
function planList<T extends object, I>(
  { clock }: LakeParts,
  listing: Listing<T, I>,
  request: Omit<ListRequest, 'include_total' | 'limit'>,
) {
  const { resource, timeField, collection } = listing
  const sort = Object.hasOwn(listing.sorts, request.sort) ? listing.sorts[request.sort] : undefined
  if (sort === undefined) {
    const known = Object.keys(listing.sorts).join(', ')
    throw invalidPage(`Unknown sort '${request.sort}' for ${resource}: use one of ${known}`)
  }
  const filters = request.filters ?? {}
  const scope = {
    resource,
    sort: request.sort,
    filterFingerprint: filterFingerprint(filters),
    timeField,
  }
  const now = clock.now()
  const from = request.cursor === null ? null : decodeCursor(request.cursor, scope, now)
  const cutoff = from?.cutoff ?? now
  return {
    filter: { $and: [filters as Filter, { [timeField]: { $lte: cutoff } }] },
    sort,
    after: from?.lastKey as Keyset | undefined,
    cursorOf: (row: object) =>
      encodeCursor(
        scope,
        { lastKey: keysetOf(collection, sort, row) as Record<string, string | null>, cutoff },
        [timeField, 'updated_at'],
      ),
  }
}

/** A place that does not fit the sort is the same error as a cursor that can't be read. */
function inPageWords(error: unknown): never {
  if (!isMindtraceError(error, 'INVALID_CURSOR')) throw error
  throw new MindtraceError('INVALID_CURSOR', `Invalid pagination request. ${error.message}`, {
    cause: error,
  })
}
