import type { Lake } from '@mindtrace/contract'
import { isMindtraceError, MindtraceError } from '@mindtrace/core'
import {
  type AddCommand,
  addOutputOptions,
  type CommandResult,
  type OutputOptions,
} from '../command.ts'
import { parseDatasetName, versionOf } from '../dataset-name.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { addLakeOptions, type LakeOptions, lakeOf } from '../lake-options.ts'
import { writeJson } from '../report.ts'

interface ShowOptions extends LakeOptions, OutputOptions {}

type Show = (lake: Lake, id: string, signal: AbortSignal) => Promise<unknown>

/** What an id's prefix says it is. The longest prefix counts. */
const byPrefix: Readonly<Record<string, Show>> = {
  asset_retention_: async (lake, id, signal) =>
    (await lake.assetRetentions.get({ id }, { signal })).asset_retention,
  asset_: async (lake, id, signal) => (await lake.assets.get({ id }, { signal })).asset,
  collection_item_: async (lake, id, signal) =>
    (await lake.collectionItems.resolve({ id }, { signal })).resolved_collection_item,
  collection_: async (lake, id, signal) =>
    (await lake.collections.get({ id }, { signal })).collection,
  annotation_schema_: async (lake, id, signal) =>
    (await lake.annotationSchemas.get({ id }, { signal })).annotation_schema,
  annotation_set_: async (lake, id, signal) =>
    (await lake.annotationSets.get({ id }, { signal })).annotation_set,
  annotation_: async (lake, id, signal) =>
    (await lake.annotationRecords.get({ id }, { signal })).annotation_record,
  datum_: async (lake, id, signal) =>
    (await lake.datums.resolve({ id }, { signal })).resolved_datum,
}

/** `mindtrace show`: one thing, whole. */
export const addShow: AddCommand = (program, { io, run }) => {
  const command = program
    .command('show')
    .description('show one thing: a dataset (NAME or NAME@VERSION), an id, or an alias of an asset')
    .argument('<id>')
  addOutputOptions(addLakeOptions(command)).action(
    run(async (id: string, options: ShowOptions) => show(io, id, options)),
  )
}

async function show(io: Io, id: string, options: ShowOptions): CommandResult {
  await using lake = await lakeOf(options, io, { create: false })
  const value = await find(lake, id, io.signal)
  await writeJson(io, value, options.json === true ? 'line' : 'indented')
  return exitCode.done
}

async function find(lake: Lake, id: string, signal: AbortSignal): Promise<unknown> {
  const prefix = Object.keys(byPrefix)
    .filter((one) => id.startsWith(one))
    .sort((a, b) => b.length - a.length)[0]
  const known = prefix === undefined ? undefined : byPrefix[prefix]
  const tries: readonly (() => Promise<unknown>)[] = [
    ...(known === undefined ? [] : [() => known(lake, id, signal)]),
    () => dataset(lake, id, signal),
    async () => (await lake.assets.getByAlias({ alias: id }, { signal })).asset,
  ]
  for (const attempt of tries) {
    try {
      return await attempt()
    } catch (error) {
      if (!isMindtraceError(error, 'NOT_FOUND')) throw error
    }
  }
  throw new MindtraceError(
    'NOT_FOUND',
    `nothing is called '${id}': no id, no dataset and no alias; mindtrace ls shows what there is`,
  )
}

/** A dataset version with its counts; the manifest is left out, being as long as the dataset. */
async function dataset(lake: Lake, text: string, signal: AbortSignal): Promise<unknown> {
  const named = parseDatasetName(text)
  const version = await versionOf(lake, named, signal)
  const { dataset_version } = await lake.datasetVersions.get(
    { dataset_name: named.name, version },
    { signal },
  )
  const stats = await lake.datasets.stats({ dataset_name: named.name, version }, { signal })
  const { manifest, ...head } = dataset_version
  return { ...head, datums: manifest.length, stats }
}
