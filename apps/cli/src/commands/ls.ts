import type { Lake } from '@mindtrace/contract'
import { MindtraceError } from '@mindtrace/core'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { formatBytes, formatCount, writeJson, writeTable } from '../report.ts'

interface LsOptions extends LakeOptions, OutputOptions {
  readonly filter?: string
  readonly limit: number
}

type Row = Readonly<Record<string, unknown>>

/** How one kind of thing is listed. */
interface Listing {
  readonly heading: readonly string[]
  readonly cells: (row: never) => readonly string[]
  readonly rows: (lake: Lake, options: ListOptions) => AsyncIterable<Row>
}

interface ListOptions {
  readonly filters: Record<string, unknown>
  readonly limit: number
  readonly signal: AbortSignal
}

const pageLimit = 500

const listings: Readonly<Record<string, Listing>> = {
  datasets: {
    heading: ['DATASET', 'LATEST', 'VERSIONS', 'DATUMS', 'UPDATED'],
    cells: (row: {
      dataset_name: string
      latest_version: string
      versions: number
      datums: number
      updated_at: string
    }) => [
      row.dataset_name,
      row.latest_version,
      formatCount(row.versions),
      formatCount(row.datums),
      row.updated_at,
    ],
    rows: async function* (lake, { limit, signal }) {
      let after: string | null = null
      for (let left = limit; left > 0; ) {
        const page: { datasets: Row[]; next: string | null } = await lake.datasets.list(
          { limit: Math.min(left, pageLimit), after },
          { signal },
        )
        yield* page.datasets
        left -= page.datasets.length
        after = page.next
        if (after === null) return
      }
    },
  },
  assets: {
    heading: ['ASSET', 'KIND', 'MEDIA TYPE', 'SIZE', 'STATUS', 'SOURCE'],
    cells: (row: {
      asset_id: string
      kind: string
      media_type: string
      size_bytes: number | null
      payload_status: string
      metadata: Row
    }) => [
      row.asset_id,
      row.kind,
      row.media_type,
      row.size_bytes === null ? '-' : formatBytes(row.size_bytes),
      row.payload_status,
      String(row.metadata.source_path ?? ''),
    ],
    rows: (lake, { signal, ...input }) => lake.streams.rows('assets.list_page', input, { signal }),
  },
  collections: {
    heading: ['COLLECTION', 'NAME', 'STATUS', 'CREATED'],
    cells: (row: { collection_id: string; name: string; status: string; created_at: string }) => [
      row.collection_id,
      row.name,
      row.status,
      row.created_at,
    ],
    rows: (lake, { signal, ...input }) =>
      lake.streams.rows('collections.list_page', input, { signal }),
  },
  mounts: {
    heading: ['MOUNT', 'DEFAULT', 'READ ONLY', 'MUTABLE', 'VERSIONS', 'PLACE'],
    cells: (row: Row) => [
      String(row.name),
      row.is_default === true ? 'yes' : '',
      row.read_only === true ? 'yes' : '',
      row.mutable === true ? 'yes' : '',
      row.version_objects === true ? 'yes' : '',
      String(row.backend),
    ],
    rows: async function* (lake, { signal }) {
      const { mounts, default_mount } = await lake.mounts(undefined, { signal })
      for (const mount of mounts) yield { ...mount, is_default: mount.name === default_mount }
    },
  },
}

/** `mindtrace ls`: what a lake holds. */
export const addLs: AddCommand = (program, { io, run }) => {
  const command = program
    .command('ls')
    .description('list datasets, assets, collections or mounts')
    .argument('[what]', `one of ${Object.keys(listings).join(', ')}`, 'datasets')
    .option(
      '--filter <json>',
      'only those that match, as {"kind":"image"} or {"metadata.source_path":"a.jpg"}',
    )
    .option('--limit <n>', 'at most so many', parseLimit, 100)
  addOutputOptions(addLakeOptions(command)).action(
    run(async (what: string, options: LsOptions) => ls(io, what, options)),
  )
}

async function ls(io: Io, what: string, options: LsOptions): CommandResult {
  const listing = Object.hasOwn(listings, what) ? listings[what] : undefined
  if (listing === undefined) {
    throw new MindtraceError(
      'INVALID_INPUT',
      `can't list '${what}': one of ${Object.keys(listings).join(', ')}`,
    )
  }
  const filters = parseFilter(options.filter)
  await using lake = await lakeOf(options, io, { create: false })
  const rows = listing.rows(lake, { filters, limit: options.limit, signal: io.signal })
  if (options.json === true) {
    for await (const row of rows) await writeJson(io, row, 'line')
    return exitCode.done
  }
  const cells: (readonly string[])[] = []
  for await (const row of rows) cells.push(listing.cells(row as never))
  if (cells.length === 0) {
    if (options.quiet !== true) await io.stderr.write(`no ${what}\n`)
    return exitCode.done
  }
  await writeTable(io, listing.heading, cells)
  return exitCode.done
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit > 0) return limit
  throw new MindtraceError('INVALID_INPUT', `--limit ${text}: a whole number from 1 on`)
}

function parseFilter(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch (cause) {
    throw new MindtraceError('INVALID_INPUT', `--filter is no JSON: ${text}`, { cause })
  }
  throw new MindtraceError(
    'INVALID_INPUT',
    `--filter must be an object, as {"kind":"image"}: ${text}`,
  )
}
