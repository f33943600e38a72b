import type { DatasetViewRow, Lake } from '@mindtrace/contract'
import { openLake } from '@mindtrace/datalake'

/** What is the same in two lakes that hold the same import: all but times and random ids. */
export async function snapshotOf(address: string, dataset: string, version: string) {
  await using lake = await openLake(address, { create: false })
  const rows: unknown[] = []
  for await (const row of viewRows(lake, dataset, version)) rows.push(withoutTimes(row))
  const { counts, payload_bytes } = await lake.lake.stats()
  const { ok, issues, assets_checked } = await lake.lake.verify({ read_data: true })
  return { rows, counts, payload_bytes, verified: { ok, issues, assets_checked } }
}

/** Every row of a dataset version with all that it leads to. */
export async function* viewRows(
  lake: Lake,
  dataset_name: string,
  version: string,
): AsyncGenerator<DatasetViewRow> {
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<Lake['datasetVersions']['viewPage']>> =
      await lake.datasetVersions.viewPage({
        dataset_name,
        version,
        limit: 100,
        cursor,
        expand: { assets: true, annotation_sets: true, annotation_records: true },
      })
    yield* page.items
    cursor = page.page.next_cursor
  } while (cursor !== null)
}

function withoutTimes(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) =>
      key.endsWith('_at') || key === 'annotation_schema_id' || key === 'payload_verified_at'
        ? undefined
        : inner,
    ),
  )
}
