import { createHash } from 'node:crypto'
import { lakeCollections, type openLakeDatabase } from '@mindtrace/datalake'

/** The records of a large lake. */
export const recordCount = 1_000_000

/** Records written at a time. */
export const batchSize = 1000

/** Their collection. */
export const recordsName = 'datalake_annotation_records'

/** How many labels they have. */
export const labelCount = 80

/** Any record of the bench. */
export type BenchRecord = ReturnType<typeof recordOf>

/** Where they are written by us. */
export type RecordRepository = ReturnType<
  Awaited<ReturnType<typeof openLakeDatabase>>['repository']
>

/** The collection of annotation records, as a lake declares it. */
export function annotationRecords() {
  const found = lakeCollections.find((collection) => collection.name === recordsName)
  if (found === undefined) throw new Error(`a lake has no collection ${recordsName}`)
  return found
}

/** The record of that number: its key is scattered, its time follows the number. */
export function recordOf(number: number) {
  const hex = createHash('md5').update(String(number)).digest('hex')
  const asset = createHash('md5')
    .update(`asset ${Math.floor(number / 10)}`)
    .digest('hex')
  const created_at = new Date(Date.UTC(2026, 0, 1) + number).toISOString()
  return {
    annotation_id: `annotation_${hex}`,
    subject: { kind: 'asset', id: `asset_${asset}` },
    kind: 'bbox',
    label: `label_${(number * 7919) % labelCount}`,
    label_id: null,
    score: (number % 1000) / 1000,
    source: { type: 'human', name: 'bench', version: null, metadata: {} },
    geometry: { type: 'bbox', x: number % 640, y: number % 480, width: 20.5, height: 33.25 },
    attributes: {},
    metadata: { file: `image_${number}.jpg` },
    created_at,
    updated_at: created_at,
  }
}

/** The records from one number to another. */
export function recordsFrom(from: number, to: number): BenchRecord[] {
  return Array.from({ length: to - from }, (_, offset) => recordOf(from + offset))
}

/** Writes records in batches. */
export async function insertRecords(
  repository: RecordRepository,
  from: number,
  to: number,
): Promise<void> {
  for (let at = from; at < to; at += batchSize) {
    await repository.insertMany(recordsFrom(at, Math.min(to, at + batchSize)))
  }
}

/** A key of the first `count` records, another one for each run. */
export function scatteredKey(run: number, count: number): string {
  return recordOf((run * 7919) % count).annotation_id
}

/** Where a page begins at a share of the depth, newest first; a place of its own for each run. */
export function placeAt(share: number, run: number, count: number) {
  const number = Math.max(0, Math.floor((count - 1) * (1 - share)) - run)
  const { created_at, annotation_id } = recordOf(number)
  return { created_at, annotation_id }
}
